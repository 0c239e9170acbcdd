"""Acceptance is a row of every arm whose set was chosen by its class, with an interval or the reason why not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from bench.engine.job import Finished, Job
from bench.evaluation.evidence import ArmWork

from bench.evaluation.acceptance import acceptance_rows
from bench.evaluation.comparison import RowMaker
from bench.plan.arms import Arm
from bench.results.table import ALL_SEEDS
from bench.stages.select import expand
from bench.synthetic import SyntheticSet, SyntheticSetWriter
from methods.selection import SelectionArm
from tests import toy_tissue

TRAIN = toy_tissue.TissueDataset(n_tiles=6, size=8)
RANDOM, CENTROID = (SelectionArm.model_validate({"rule": rule, "ratio": 1.0}) for rule in ("random", "centroid"))


def arm(selection: SelectionArm) -> Arm:
    (found,) = expand(Arm("painter", "", toy_tissue.Painter(toy_tissue.PainterConfig(selection=(selection,)))))
    return found


def worked(folder: Path, selection: SelectionArm, *manifests: dict[str, Any], untested: str = "") -> ArmWork:
    sets = []
    for seed, manifest in enumerate(manifests):
        place = folder / str(seed)
        place.mkdir()
        SyntheticSetWriter(place, TRAIN.info, {}).seal(0, manifest)
        sets.append((Finished(Job("select", {}, {}), place, reused=False, cost={"seconds": 1.0}), SyntheticSet(place)))
    return ArmWork(arm(selection), {}, sets, [], [], untested=untested)


def counts(red: int, green: int, blue: int) -> dict[str, Any]:
    accepted = {"red": red, "green": green, "blue": blue}
    candidates = dict.fromkeys(accepted, 10)
    return {"acceptance": sum(accepted.values()) / 30, "accepted": accepted, "candidates": candidates}


def test_a_seed_has_its_share_with_the_interval_of_a_proportion(tmp_path: Path) -> None:
    (row,) = acceptance_rows(worked(tmp_path, CENTROID, counts(10, 2, 3)))
    assert (row["metric"], row["seed"], row["n"]) == ("acceptance", 0, 30)
    assert row["value"] == 0.5
    assert row["ci_low"] == pytest.approx(0.3778, abs=1e-3)  # from Wilson's of 1, .2 and .3
    assert row["ci_high"] == pytest.approx(0.6445, abs=1e-3)


def test_several_seeds_have_their_mean_and_spread(tmp_path: Path) -> None:
    first, second, both = acceptance_rows(worked(tmp_path, CENTROID, counts(10, 2, 3), counts(10, 5, 6)))
    assert [row["seed"] for row in (first, second, both)] == [0, 1, ALL_SEEDS]
    assert both["value"] == pytest.approx(0.6)
    assert both["seeds"] == 2
    assert 0 <= both["ci_low"] < 0.6 < both["ci_high"] <= 1


def test_an_arm_without_a_set_says_why(tmp_path: Path) -> None:
    (row,) = acceptance_rows(worked(tmp_path, CENTROID, untested="too few images look like their class"))
    assert row["value"] is None
    assert row["reason"].startswith("too few")


def test_sets_of_before_counts_were_kept_have_their_share(tmp_path: Path) -> None:
    (row,) = acceptance_rows(worked(tmp_path, CENTROID, {"acceptance": 0.25}))
    assert row["value"] == 0.25
    assert "before counts" in row["reason"]


def test_what_was_not_chosen_by_class_has_none(tmp_path: Path) -> None:
    assert list(acceptance_rows(worked(tmp_path, RANDOM, counts(10, 10, 10)))) == []
    plain = Arm("painter", "", toy_tissue.Painter(toy_tissue.PainterConfig()))
    assert list(acceptance_rows(ArmWork(plain, {}, [], [], []))) == []


def test_rows_of_a_run_hold_it(tmp_path: Path) -> None:
    done = [worked(tmp_path, CENTROID, counts(10, 2, 3), counts(10, 5, 6))]
    maker = RowMaker({"run": "r", "dataset": "toy", "fold": "", "preset": "tiny"}, "steps:1", 10)
    found = [row for row in maker.rows(done, TRAIN) if row.metric == "acceptance"]
    assert [(row.method, row.variant, row.kind, row.direction) for row in found] == [
        ("painter", "centroid 100%", "score", "none")
    ] * 3
