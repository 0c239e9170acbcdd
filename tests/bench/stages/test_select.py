"""Sets chosen from a pool: the pool is drawn once, images that look like another class stay out, shortage is told."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.engine.session import Session, drive
from bench.plan.arms import Arm, Network
from bench.plan.ratios import expand
from bench.stages.judge import Judge
from bench.stages.select import Choice, choose_set, even_quota
from bench.synthetic import verify_set
from methods.selection import SelectionArm
from tests import toy_tissue
from tests.bench.conftest import finished

TRAIN = toy_tissue.TissueDataset(n_tiles=12, size=8)


def judge(folder: Path) -> Judge:
    return Judge(Network("reader", toy_tissue.Reader(), {}), finished(folder))


def painter(**settings: Any) -> list[Arm]:
    config = toy_tissue.PainterConfig(**settings)
    return expand(Arm("painter", "", toy_tissue.Painter(config)))


def chosen(session: Session, arm: Arm, folder: Path, seed: int = 0) -> Choice:
    return drive(choose_set(session, arm, {"train": TRAIN}, {}, seed, judge(folder)))


def shows(image: np.ndarray) -> int:
    """Return the class that an image really shows."""
    return int(np.argmin(np.abs(image.mean(axis=(0, 1)) - toy_tissue.COLOURS).sum(axis=1)))


def test_a_method_is_as_many_arms_as_it_has_selections() -> None:
    arms = painter()
    assert [arm.variant for arm in arms] == ["random 50%", "centroid 100%"]
    assert [arm.ratio for arm in arms] == [0.5, 1.0]
    assert len({arm.title for arm in arms}) == 2


def test_the_pool_is_drawn_once_and_centroids_keep_the_wrong_ones_out(session: Session, tmp_path: Path) -> None:
    random, centroid = (chosen(session, arm, tmp_path) for arm in painter(confused=0.15))
    assert random.made is not None
    assert centroid.made is not None
    assert len(list((session.store.root / "jobs" / "synthesize").iterdir())) == 1
    for choice, n in ((random, 2), (centroid, 4)):
        assert choice.made is not None
        made = verify_set(choice.made.set.folder)
        assert Counter(record.label for record in made.records) == {0: n, 1: n, 2: n}
    assert all(shows(sample.image) == sample.label for sample in centroid.made.set)
    told = centroid.made.set.manifest
    assert told["acceptance"] < 1
    assert told["candidates"] == {"red": 6, "green": 6, "blue": 6}
    assert set(told["accepted"]) == {"red", "green", "blue"}
    assert sum(told["accepted"].values()) == pytest.approx(18 * told["acceptance"])
    assert random.made.set.manifest["accepted"] == random.made.set.manifest["candidates"]


def test_selected_images_agree_with_their_class_more_often_than_random_ones(session: Session, tmp_path: Path) -> None:
    arms = painter(
        confused=0.5,
        selection=(SelectionArm(rule="random", ratio=2.0), SelectionArm(rule="centroid", ratio=2.0)),
    )
    agree = []
    for arm in arms:
        made = chosen(session, arm, tmp_path).made
        assert made is not None
        agree.append(np.mean([shows(sample.image) == sample.label for sample in made.set]))
    assert agree[1] == 1.0
    assert agree[0] < 0.75


def test_more_pools_are_drawn_where_one_does_not_suffice(session: Session, tmp_path: Path) -> None:
    (arm,) = painter(confused=0.6, selection=(SelectionArm(rule="centroid", ratio=2.0),))
    made = chosen(session, arm, tmp_path).made
    assert made is not None
    assert len(made.set) == 24
    pools = len(made.set.manifest["pools"])
    assert pools > 1
    assert len(list((session.store.root / "jobs" / "synthesize").iterdir())) == pools


def test_further_pools_are_of_the_classes_that_lack_images_and_serve_all_arms(session: Session, tmp_path: Path) -> None:
    arms = painter(confused=0.1, weak=1, selection=[SelectionArm(rule="centroid", ratio=ratio) for ratio in (1.0, 2.0)])
    few, many = (chosen(session, arm, tmp_path).made for arm in arms)
    assert few is not None
    assert many is not None
    small, large = few.set, many.set
    further = len(large.manifest["pools"]) - 1
    assert further > 0
    assert large.manifest["candidates"] == {"red": 12, "green": 12 + 36 * further, "blue": 12}
    assert large.manifest["acceptance"] == pytest.approx(
        np.mean([large.manifest["accepted"][name] / n for name, n in large.manifest["candidates"].items()])
    )
    assert large.manifest["pools"][: len(small.manifest["pools"])] == small.manifest["pools"]
    assert len(list((session.store.root / "jobs" / "synthesize").iterdir())) == 1 + further


def test_a_pool_that_never_suffices_gives_the_numbers(session: Session, tmp_path: Path) -> None:
    (arm,) = painter(confused=1.0, selection=(SelectionArm(rule="centroid", ratio=1.0),))
    choice = chosen(session, arm, tmp_path)
    assert choice.made is None
    assert "red 0 of 4" in choice.reason
    assert "4 pools of 18" in choice.reason


def test_the_same_seed_chooses_the_same_set_and_another_does_not(session: Session, tmp_path: Path) -> None:
    arm = painter()[0]
    first, again, other = (chosen(session, arm, tmp_path, seed).made for seed in (0, 0, 1))
    assert first is not None
    assert again is not None
    assert other is not None
    assert first.set.digest == again.set.digest != other.set.digest


@pytest.mark.parametrize(("n", "ratio", "expected"), [(12, 0.5, [2, 2, 2]), (10, 1.0, [4, 3, 3]), (2, 0.1, [1, 1, 1])])
def test_quotas_are_even(n: int, ratio: float, expected: list[int]) -> None:
    assert even_quota(n, ratio, 3).tolist() == expected
