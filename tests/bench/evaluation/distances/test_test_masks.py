"""Distances of images that were drawn of test masks, the papers' columns of the test split."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bench.config import load_preset
from bench.engine.session import Session, drive, together
from bench.evaluation.base import Measured
from bench.evaluation.distances.evaluation import TEST_MASKS, Distances
from bench.evaluation.masks import draw_masks, masks_of
from bench.plan.arms import Arm
from bench.plan.encoders import encoder_handle
from bench.plan.seeds import Under
from bench.results.table import ScoreRow
from bench.stages.synthesize import synthesize
from bench.stages.trial import Trial
from methods.controls import Copy, Noise
from methods.patches import PatchSettings
from tests.bench.evaluation.test_faithfulness import DATA, SIZE, Painter
from tests.bench.evaluation.trials import ROWS, Given, bench_of

FIELDS = PatchSettings(patch_size=SIZE)
DRAWN = {"painter": Painter, "noise": Noise}


class Fixed(Painter):
    """Draws one grey image whatever it is asked for."""

    def render(self, conditions: Any, data: Any, fitted: Any, run: Any) -> Iterator[np.ndarray]:
        for condition in conditions:
            yield np.full((*condition.instances.shape, 3), 90, np.uint8)


def trial_of(session: Session, arm: Arm, n: int, *, ready: bool = False) -> Trial:
    """Return an arm with two sets, or with its images of test masks as a set made elsewhere."""
    preset = load_preset("tiny", {"patch": SIZE, "faithfulness_samples": n, "max_samples": 8})
    frame = replace(
        bench_of(session, DATA, arm, preset=preset, seeds=2), encoders=[encoder_handle("random-convnet", None)]
    )
    sets = drive(together(*(synthesize(session, arm, DATA, {}, 8, seed, f"seed {seed}") for seed in range(2))))
    if ready:
        drawn = drive(draw_masks(Trial(frame, arm), masks_of(Trial(frame, arm), sets[0]), Under(0, 0)))
        return Given(frame, replace(arm, ready=drawn), [sets[0]._replace(set=drawn)] * 2)
    return Given(frame, arm, sets)


def rows_of(trial: Trial) -> list[ScoreRow]:
    """Return the rows of distances that are about test masks."""
    evidence = drive(Distances().measure(trial))
    made = drive(trial.sets()).made
    rows = Distances().rows([Measured(trial, made, evidence)], ROWS)
    return [row for row in rows if row.split == TEST_MASKS]


def test_what_is_painted_is_nearer_than_noise_and_one_grey_is_one_image(session: Session) -> None:
    found = {}
    for name, method in DRAWN.items():
        rows = rows_of(trial_of(session, Arm(name, "", method(FIELDS)), 64))
        assert [row.metric for row in rows if row.seed == 0] == ["fd@random-convnet", "kd@random-convnet"]
        assert {row.seed for row in rows} == {0, 1, -1}
        assert all(row.value is not None and row.set_digest == "" for row in rows)
        of_kernel = [row.metric.startswith("kd") for row in rows]
        assert all(row.n <= 32 for row, kernel in zip(rows, of_kernel, strict=True) if not kernel)
        found[name] = rows[0].value
    assert found["painter"] < found["noise"]
    of_fixed = rows_of(trial_of(session, Arm("fixed", "", Fixed(FIELDS)), 64))
    assert {(row.value, row.n, row.reason) for row in of_fixed} == {(None, 1, "undefined for so few different images")}


def test_the_images_that_faithfulness_looks_at_are_not_drawn_again(session: Session) -> None:
    trial = trial_of(session, Arm("painter", "", Painter(FIELDS)), 64)
    made = drive(trial.sets()).made[0]
    drive(draw_masks(trial, masks_of(trial, made), Under(0, 0)))
    before = {key for key, done in session.finished.items() if done.stage == "render-masks"}
    rows_of(trial)
    after = [key for key, done in session.finished.items() if done.stage == "render-masks"]
    assert before < set(after)
    assert len(after) == 2, "one per seed"


@pytest.mark.parametrize("name", DRAWN)
def test_few_images_give_rows_with_the_reason_and_nothing_is_drawn(session: Session, name: str) -> None:
    rows = rows_of(trial_of(session, Arm(name, "", DRAWN[name](FIELDS)), 63))
    assert [(row.metric, row.value, row.seed) for row in rows] == [
        ("fd@random-convnet", None, 0),
        ("kd@random-convnet", None, 0),
    ]
    assert all("only 63 images of test masks; 64 are needed" in row.reason for row in rows)
    assert not [done for done in session.finished.values() if done.stage == "render-masks"]


def test_who_needs_the_real_patch_has_no_rows(session: Session) -> None:
    assert rows_of(trial_of(session, Arm("copy", "", Copy(FIELDS)), 64)) == []


def test_renderings_that_are_brought_in_are_compared_once(session: Session) -> None:
    own = rows_of(trial_of(session, Arm("painter", "", Painter(FIELDS)), 64))
    brought = trial_of(session, Arm("painter", "", Painter(FIELDS)), 64, ready=True)
    rows = rows_of(brought)
    assert [row.seed for row in rows] == [0, 0]
    assert [row.value for row in rows] == [row.value for row in own if row.seed == 0]
