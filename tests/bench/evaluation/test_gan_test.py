"""GAN-test: the share of a set that each of the baseline's networks takes for the class asked for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from bench.engine.job import Finished, Job
from bench.evaluation.evidence import ArmWork, Judged

from bench.contract import Condition, Prediction
from bench.evaluation.gan_test import gan_test_rows
from bench.plan.arms import Arm
from bench.results.table import ALL_SEEDS
from bench.stages.select import expand
from bench.stages.train import write_prediction
from bench.synthetic import SyntheticSet, SyntheticSetWriter
from methods.selection import SelectionArm
from tests import toy_tissue

TRAIN = toy_tissue.TissueDataset(n_tiles=6, size=8)
ASKED = (0, 1, 2, 0, 1, 2, 0, 1)


def finished(folder: Path) -> Finished:
    folder.mkdir(parents=True, exist_ok=True)
    return Finished(Job("any", {}, {}), folder, reused=False, cost={"seconds": 1.0})


def sealed(folder: Path) -> tuple[Finished, SyntheticSet]:
    place, blank = finished(folder), np.zeros((8, 8, 3), np.uint8)
    writer = SyntheticSetWriter(folder, TRAIN.info, {})
    for number, label in enumerate(ASKED):
        plain = Condition(id=f"c{number}", kind="class", seed=number, label=label)
        writer.write(number, plain, blank + number)
    writer.seal(len(ASKED), {"method": "painter", "use": "training"})
    return place, SyntheticSet(folder)


def judged(folder: Path, seed: int, network: str, wrong: int) -> Judged:
    """Predictions that take the first `wrong` images for another class."""
    place = finished(folder)
    for number, label in enumerate(ASKED):
        scores = np.full(3, 0.1, np.float32)
        scores[(label + (number < wrong)) % 3] = 0.8
        write_prediction(folder / f"{number:05d}.npz", Prediction(scores=scores))
    return Judged(seed, network, place)


def arm(rule: str) -> Arm:
    selection = SelectionArm.model_validate({"rule": rule, "ratio": 1.0})
    (found,) = expand(Arm("painter", "", toy_tissue.Painter(toy_tissue.PainterConfig(selection=(selection,)))))
    return found


@pytest.fixture
def work(tmp_path: Path) -> ArmWork:
    sets = [sealed(tmp_path / "set0"), sealed(tmp_path / "set1")]
    seen = [
        judged(tmp_path / "a0", 0, "vit", 0),
        judged(tmp_path / "b0", 0, "colour", 4),
        judged(tmp_path / "a1", 1, "vit", 2),
        judged(tmp_path / "b1", 1, "colour", 6),
    ]
    return ArmWork(arm("centroid"), {}, sets, [], [], judged=seen)


def test_the_share_of_each_network_and_seed_with_wilsons_interval(work: ArmWork) -> None:
    rows = {(row["downstream"], row["seed"]): row for row in gan_test_rows(work, "vit")}
    assert {key: row["value"] for key, row in rows.items() if key[1] != ALL_SEEDS} == {
        ("vit", 0): 1.0,
        ("colour", 0): 0.5,
        ("vit", 1): 0.75,
        ("colour", 1): 0.25,
    }
    half = rows["colour", 0]
    assert (half["n"], half["metric"], half["direction"]) == (8, "gan_test", "higher")
    assert (half["ci_low"], half["ci_high"]) == pytest.approx((0.2152, 0.7848), abs=1e-4)
    assert rows["colour", ALL_SEEDS]["value"] == 0.375


def test_a_network_that_chose_the_images_is_told(work: ArmWork) -> None:
    told = {row["downstream"]: row["reason"] for row in gan_test_rows(work, "vit") if row["seed"] == 0}
    assert told == {"vit": "this network chose the images", "colour": ""}
    at_random = replace(work, arm=arm("random"))
    assert {row["reason"] for row in gan_test_rows(at_random, "vit") if row["seed"] == 0} == {""}
