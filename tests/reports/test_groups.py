"""The groups of columns: every kind of metric has one, and numbers of readers are next to those of runs."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from bench.results.table import ScoreRow
from metrics.entry import Group
from reports.groups import TITLES
from reports.leaderboard import leaderboard
from reports.terminal import render_terminal
from tests import toy_results as toy
from tests.reports.text import plain


def test_every_group_of_metrics_has_a_title() -> None:
    assert set(TITLES) == set(get_args(Group))


def test_a_recorded_study_is_a_group_of_columns_and_changes_no_title(tmp_path: Path) -> None:
    rows = toy.changed(toy.rows(), lambda row: True, data="4abcbf69" * 8)
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    (before,) = leaderboard(toy.table(tmp_path / "a", rows))
    own = next(row for row in rows if row.method == "diffmix" and row.kind == "score" and row.metric == "pq/image")
    answers = {"run": "study", "downstream": "", "aggregation": "mean over readers"}
    taken = own.model_copy(update=answers | {"metric": "taken_for_real", "value": 0.41})
    overall = ScoreRow(
        run="study", dataset=own.dataset, preset="study", kind="study", method="reader study", metric="turing_accuracy",
        split="", downstream="", value=0.7, direction="lower", reason="one reader",
    )  # fmt: skip
    (board,) = leaderboard(toy.table(tmp_path / "b", rows, [taken, overall]))
    assert (board.title, board.data) == (before.title, before.data)
    said = plain(render_terminal(board), 140)
    assert "reader study" in said
    assert "taken_for_real" in said
