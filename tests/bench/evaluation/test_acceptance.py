"""Acceptance is a row of every arm whose set was chosen by its class, with an interval or the reason why not."""

from __future__ import annotations

from typing import Any

import pytest

from bench.engine.session import Session, drive
from bench.evaluation.acceptance import Acceptance
from bench.evaluation.base import Measured
from bench.plan.arms import Arm
from bench.plan.ratios import expand
from bench.results.table import ALL_SEEDS, ScoreRow
from bench.stages.synthesize import Made
from bench.synthetic import SyntheticSet, SyntheticSetWriter
from methods.selection import SelectionArm
from tests import toy_tissue
from tests.bench.conftest import finished
from tests.bench.evaluation.trials import ROWS, Given, bench_of

TRAIN = toy_tissue.TissueDataset(n_tiles=6, size=8)
RANDOM, CENTROID = (SelectionArm.model_validate({"rule": rule, "ratio": 1.0}) for rule in ("random", "centroid"))


def arm(selection: SelectionArm) -> Arm:
    (found,) = expand(Arm("painter", "", toy_tissue.Painter(toy_tissue.PainterConfig(selection=(selection,)))))
    return found


def rows(session: Session, chosen: Arm, *manifests: dict[str, Any], reason: str = "") -> list[ScoreRow]:
    """Return the rows of an arm whose sets of each seed have these manifests."""
    sets = []
    for seed, manifest in enumerate(manifests):
        done = finished(session.store.root / f"set {seed}", "select")
        SyntheticSetWriter(done.path, TRAIN.info, {}).seal(0, manifest)
        sets.append(Made(done, SyntheticSet(done.path)))
    trial = Given(bench_of(session, {"train": TRAIN}, chosen, seeds=max(len(sets), 1)), chosen, sets, reason)
    evidence = drive(Acceptance().measure(trial))
    return list(Acceptance().rows([Measured(trial, sets, evidence, reason)], ROWS))


def counts(red: int, green: int, blue: int) -> dict[str, Any]:
    accepted = {"red": red, "green": green, "blue": blue}
    candidates = dict.fromkeys(accepted, 10)
    return {"acceptance": sum(accepted.values()) / 30, "accepted": accepted, "candidates": candidates}


def test_a_seed_has_its_share_with_the_interval_of_a_proportion(session: Session) -> None:
    (row,) = rows(session, arm(CENTROID), counts(10, 2, 3))
    assert (row.metric, row.seed, row.n) == ("acceptance", 0, 30)
    assert row.value == 0.5
    assert row.ci_low == pytest.approx(0.3778, abs=1e-3)  # from Wilson's of 1, .2 and .3
    assert row.ci_high == pytest.approx(0.6445, abs=1e-3)


def test_several_seeds_have_their_mean_and_spread(session: Session) -> None:
    first, second, both = rows(session, arm(CENTROID), counts(10, 2, 3), counts(10, 5, 6))
    assert [row.seed for row in (first, second, both)] == [0, 1, ALL_SEEDS]
    assert both.value == pytest.approx(0.6)
    assert both.seeds == 2
    assert both.ci_low is not None
    assert both.ci_high is not None
    assert 0 <= both.ci_low < 0.6 < both.ci_high <= 1


def test_an_arm_without_a_set_says_why(session: Session) -> None:
    (row,) = rows(session, arm(CENTROID), reason="too few images look like their class")
    assert row.value is None
    assert row.reason.startswith("too few")


def test_sets_of_before_counts_were_kept_have_their_share(session: Session) -> None:
    (row,) = rows(session, arm(CENTROID), {"acceptance": 0.25})
    assert row.value == 0.25
    assert "before counts" in row.reason


def test_what_was_not_chosen_by_class_has_none(session: Session) -> None:
    assert rows(session, arm(RANDOM), counts(10, 10, 10)) == []
    assert rows(session, Arm("painter", "", toy_tissue.Painter(toy_tissue.PainterConfig()))) == []


def test_rows_say_whose_they_are(session: Session) -> None:
    found = rows(session, arm(CENTROID), counts(10, 2, 3), counts(10, 5, 6))
    assert [(row.method, row.variant, row.kind, row.direction) for row in found] == [
        ("painter", "centroid 100%", "score", "none")
    ] * 3
