"""Text alignment: sets against real pairs and shuffled captions, with an encoder that the run trains."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from bench.config import load_preset
from bench.contract import Condition, Dataset
from bench.engine.device import Device
from bench.engine.reporter import Reporter
from bench.engine.session import Session, drive
from bench.engine.step import Finished
from bench.engine.store import Store
from bench.evaluation.alignment import NO_CAPTIONS, Alignment, Captions
from bench.evaluation.alignment_scores import alignment_rows
from bench.evaluation.base import Measured
from bench.plan.arms import make_arm
from bench.plan.encoders import encoder_handle
from bench.results.table import ScoreRow
from bench.stages.synthesize import Made
from bench.stages.trial import Bench
from bench.synthetic import SyntheticSet, SyntheticSetWriter
from tests.bench.evaluation.trials import ROWS, Given
from tests.methods.text.captions import CaptionedDataset

DATA: dict[str, Dataset] = {"train": CaptionedDataset(12, 48), "test": CaptionedDataset(9, 48, 1, "test")}


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return Session(Store(tmp_path), Reporter(quiet=True), Device("cpu", "cpu"), "32-true", 1)


def _set(folder: Path, captioned: bool = True) -> Made:
    train = DATA["train"]
    writer = SyntheticSetWriter(folder, train.info, dict(zip(train.ids, train.groups, strict=True)))
    for index in range(12):
        tile = train[index]
        caption = tile.caption if captioned else None
        condition = Condition(
            id=f"s{index}", kind="copy", seed=0, caption=caption, sources={"train": tile.id}, crop=(0, 0)
        )
        writer.write(index, condition, tile.image[:32, :32])
    writer.seal(12, {"method": "toy"})
    made = SyntheticSet(folder)
    return Made(Finished("k", "synthesize", folder, False), made)


def _rows(session: Session, made: Made | None, text: bool = True) -> list[ScoreRow]:
    preset = load_preset("tiny")
    handle = encoder_handle(preset.text_encoder, None) if text else None
    arm, base = make_arm("copy", preset), make_arm("real-only", preset)
    bench = Bench(session, preset, DATA, [], [], 1, [arm], handle)
    baseline = Given(bench, base)
    trials = [baseline, Given(bench, arm, [made])]
    trials[1].baseline = baseline
    evaluation = Alignment()
    measured = [
        Measured(trial, [made] if trial is trials[1] else [], drive(evaluation.measure(trial))) for trial in trials
    ]
    return list(evaluation.rows(measured, ROWS))


def test_rows_of_a_set_and_of_real_pairs(session: Session, tmp_path: Path) -> None:
    rows = _rows(session, _set(tmp_path / "set"))
    names = ["clip_similarity@caption-clip", "clip_similarity_shuffled@caption-clip"]
    assert [(row.method, row.split, row.metric) for row in rows] == [
        (method, split, name)
        for method, split in (("real-only", "train"), ("real-only", "test"), ("copy", "train"))
        for name in names
    ]
    real, made = rows[0], rows[4]
    assert all(row.value is not None and row.ci_low is not None for row in rows)
    assert made.floor == pytest.approx(real.value)
    assert made.n == 12
    assert made.set_digest
    assert "224" not in made.encoder
    assert "PIL bicubic to 32" in made.encoder


def test_nothing_is_measured_without_captions_in_the_run(session: Session, tmp_path: Path) -> None:
    assert _rows(session, _set(tmp_path / "set"), text=False) == []
    assert session.finished == {}


def test_an_arm_without_captions_has_rows_with_the_reason(session: Session, tmp_path: Path) -> None:
    rows = [row for row in _rows(session, _set(tmp_path / "set", captioned=False)) if row.method == "copy"]
    assert [(row.value, row.reason) for row in rows] == [(None, NO_CAPTIONS)] * 2


def test_scores_of_images() -> None:
    texts = {"a": np.array([1.0, 0.0]), "b": np.array([0.0, 1.0])}
    images = np.array([[1.0, 0.0], [0.0, 2.0], [3.0, 4.0]])
    rows = alignment_rows(images, ["a", "b", ""], texts, np.random.default_rng(0))
    assert [row["clip_similarity"] for row in rows][:2] == [100.0, 100.0]
    assert [row["clip_similarity_shuffled"] for row in rows][:2] == [0.0, 0.0]
    assert all(np.isnan(value) for value in rows[2].values())


def test_a_window_has_the_caption_of_its_tile() -> None:
    captions = Captions({"tile 1": " gland ", "t2": None}, of_window=True)
    assert captions.of(["tile 1 0 5 32", "t2 1 1 32"]) == ["gland", ""]
    assert captions.distinct == ("gland",)


def test_an_encoder_of_a_size_travels_to_another_process(tmp_path: Path) -> None:
    handle = encoder_handle("caption-clip:tiny", tmp_path)
    again = pickle.loads(pickle.dumps(handle))
    assert again.plugin.size == "tiny"
    assert again.weights == tmp_path
