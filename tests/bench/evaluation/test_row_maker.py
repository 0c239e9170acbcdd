"""Columns that follow from what is behind a row: its sets, its generators and its groups."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from bench.evaluation.row_maker import Behind, Rows, together
from bench.plan.arms import Arm
from bench.results.table import ScoreRow
from tests import toy_tissue

ARM = Arm("painter", "", toy_tissue.Painter(toy_tissue.PainterConfig()))
ROWS = Rows(
    {"run": "r", "dataset": "toy", "preset": "tiny"},
    "steps:1",
    10,
    behind={"painter": Behind(8, ["a", "b", "b"], (1, 3))},
    groups={"test": 7},
    group_kind="slide",
)
ALL = {"generation": -1, "generations": 3}


def row(columns: Mapping[str, Any], rows: Rows = ROWS) -> ScoreRow:
    return rows.row(ARM, {"metric": "pq/image", "value": 0.5, "reason": "no interval", **columns})


@pytest.mark.parametrize(
    ("columns", "digest", "n_distinct", "generators"),
    [
        ({}, "a", 1, 1),
        ({"seed": 4, "generation": 1}, "b", 1, 1),
        (ALL, together(["a", "b"]), 2, 3),
        ({"seed": -1, "seeds": 3, **ALL}, together(["a", "b"]), 2, 3),
        ({"seed": -1, "seeds": 3}, "a", 1, 1),
        ({**ALL, "n_distinct": 5, "set_digest": "own"}, "own", 5, 3),
    ],
)
def test_sets_and_generators(columns: dict[str, Any], digest: str, n_distinct: int, generators: int) -> None:
    found = row(columns)
    assert (found.set_digest, found.n_distinct, found.generators) == (digest, n_distinct, generators)
    assert found.n_synthetic == 8


def test_an_arm_without_a_set_has_no_digest() -> None:
    plain = Rows(ROWS.common, "steps:1", 10, behind={"painter": Behind()})
    found = row({"seed": -1, "seeds": 3}, plain)
    assert (found.set_digest, found.generators, found.n_synthetic) == ("", 0, 0)


def test_groups_stand_by_intervals_over_groups_only() -> None:
    interval = {"split": "test", "ci_low": 0.4, "ci_high": 0.6}
    over = row({**interval, "ci_method": "groups+seeds"})
    assert (over.n_groups, over.group_kind) == (7, "slide")
    assert row({**interval, "ci_method": "groups", "n_groups": 4}).n_groups == 4
    seeds = row({**interval, "ci_method": "seeds"})
    assert (seeds.n_groups, seeds.group_kind) == (None, "")
