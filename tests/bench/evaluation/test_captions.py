"""Images of test captions: what they show, that they are only evaluated, and their rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.config import load_preset
from bench.contract import Condition, Dataset, TrainingMix
from bench.engine.device import Device
from bench.engine.reporter import Reporter
from bench.engine.session import Session, drive
from bench.engine.store import Store
from bench.errors import SealError
from bench.evaluation.alignment import Alignment
from bench.evaluation.base import Measured
from bench.evaluation.captions import TEST_CAPTIONS, SplitCaptions, captions_of, draw_captions
from bench.evaluation.distances.evaluation import Distances
from bench.plan.arms import Arm, make_arm
from bench.plan.encoders import encoder_handle
from bench.results.table import ScoreRow
from bench.stages.synthesize import synthesize
from bench.stages.trial import Trial
from methods.controls import Copy
from methods.patches import PatchSettings
from tests.bench.evaluation.trials import ROWS, Given, bench_of
from tests.methods.text.captions import CaptionedDataset

SIZE = 32
DATA: dict[str, Dataset] = {"train": CaptionedDataset(12, 48), "test": CaptionedDataset(9, 48, 1, "test")}


class Writer(Copy):
    """Draws the image of the training sample that has the caption of a condition."""

    conditions = frozenset({"text"})
    draws_any_caption = True

    def plan(self, data: Mapping[str, Dataset], n: int, rng: np.random.Generator) -> Iterator[Condition]:
        for index in range(n):
            record = data["train"].records[index % len(data["train"])]
            yield Condition(id=f"p{index}", kind="caption", seed=index, caption=record.caption)

    def render(
        self, conditions: Sequence[Condition], data: Mapping[str, Dataset], fitted: Any, run: Any
    ) -> Iterator[np.ndarray]:
        places = {record.caption: index for index, record in enumerate(data["train"].records)}
        for condition in conditions:
            assert not condition.sources
            yield data["train"][places[condition.caption]].image[:SIZE, :SIZE]


class Deaf(Writer):
    """Draws images in false colours, whatever the caption says."""

    def render(self, conditions: Sequence[Condition], data: Any, fitted: Any, run: Any) -> Iterator[np.ndarray]:
        for index in range(len(conditions)):
            yield 255 - data["train"][index % len(data["train"])].image[:SIZE, :SIZE]


class Planner(Writer):
    """Draws only the captions that it planned."""

    draws_any_caption = False


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return Session(Store(tmp_path), Reporter(quiet=True), Device("cpu", "cpu"), "32-true", 1)


def trial_of(session: Session, kind: type[Copy], n: int = 64, data: Mapping[str, Dataset] = DATA) -> Trial:
    """Return an arm with one set, next to a baseline."""
    preset = load_preset("tiny", {"patch": SIZE, "faithfulness_samples": n})
    arm = Arm(kind.__name__.lower(), "", kind(PatchSettings(patch_size=SIZE)))
    bench = replace(
        bench_of(session, data, arm, preset=preset),
        encoders=[encoder_handle("random-convnet", None)],
        text_encoder=encoder_handle(preset.text_encoder, None),
    )
    made = drive(synthesize(session, arm, data, {}, 8, 0, "seed 0"))
    trial = Given(bench, arm, [made])
    trial.baseline = Given(bench, make_arm("real-only", preset))
    return trial


def rows_of(trial: Trial, evaluation: Alignment | Distances) -> list[ScoreRow]:
    """Return the rows that are about test captions."""
    measured = Measured(trial, drive(trial.sets()).made, drive(evaluation.measure(trial)))
    return [row for row in evaluation.rows([measured], ROWS) if row.split == TEST_CAPTIONS]


def test_every_caption_is_drawn_equally_often_in_an_order_of_its_own() -> None:
    drawn = SplitCaptions(DATA["test"], 21).samples()
    pairs = Counter(drawn)
    assert set(pairs.values()) == {2, 3}
    assert set(drawn) == {(record.group, record.caption) for record in DATA["test"].records}
    assert drawn[:9] != [(record.group, record.caption) for record in DATA["test"].records]
    assert SplitCaptions(DATA["test"], 9).samples() == drawn[:9]


def test_images_show_test_captions_and_are_for_evaluation_only(session: Session) -> None:
    trial = trial_of(session, Writer)
    captions = captions_of(trial)
    assert captions is not None
    ((_, made),) = drive(draw_captions(trial, captions))
    assert [(record.group, record.caption) for record in made.metadata] == captions.samples()
    assert {(record.kind, *record.sources) for record in made.metadata} == {("test-caption",)}
    with pytest.raises(SealError, match="No network may be trained"):
        TrainingMix(DATA["train"], made, 0.5)


def test_rows_of_alignment_have_the_real_test_pairs_next_to_them(session: Session) -> None:
    rows = rows_of(trial_of(session, Writer), Alignment())
    similar, shuffled = rows
    assert (similar.metric, shuffled.metric) == (
        "clip_similarity@caption-clip",
        "clip_similarity_shuffled@caption-clip",
    )
    assert similar.n == 64
    assert similar.set_digest == ""
    assert similar.ci_low is not None
    real = Alignment()
    trial = trial_of(session, Writer)
    assert trial.baseline is not None
    own = list(real.rows([Measured(trial.baseline, [], drive(real.measure(trial.baseline)))], ROWS))
    (of_test,) = [row for row in own if row.split == "test" and row.metric == similar.metric]
    assert similar.floor == pytest.approx(of_test.value)


def test_who_hears_the_caption_is_nearer_than_who_does_not(session: Session) -> None:
    found = {kind: rows_of(trial_of(session, kind), Distances()) for kind in (Writer, Deaf)}
    for rows in found.values():
        assert [row.metric for row in rows] == ["fd@random-convnet", "kd@random-convnet"]
    assert found[Writer][0].value < found[Deaf][0].value


def test_few_images_give_rows_with_the_reason(session: Session) -> None:
    rows = rows_of(trial_of(session, Writer, 63), Distances())
    assert [row.value for row in rows] == [None, None]
    assert all("only 63 images of test captions; 64 are needed" in row.reason for row in rows)


def test_who_draws_only_its_own_captions_or_has_none_to_draw_has_no_rows(session: Session) -> None:
    silent = CaptionedDataset(9, 48, 1, "test")
    silent.samples = [replace(sample, caption=None) for sample in silent.samples]
    for trial in (trial_of(session, Planner), trial_of(session, Writer, data={**DATA, "test": silent})):
        assert rows_of(trial, Distances()) == []
        assert rows_of(trial, Alignment()) == []
