"""Columns of cost: hours and memory of the images of an arm."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.results.table import ScoreRow
from reports.leaderboard import leaderboard
from reports.remarks import remarks
from tests import toy_results as toy
from tests.reports.boards import board


def test_hours_and_memory_of_a_gpu_and_of_a_cpu_are_different_columns() -> None:
    found = board()
    costs = {row.method: {c.metric: cell.value for c, cell in row.cells.items() if c.summary} for row in found.rows}
    assert costs["diffmix"] == {
        "GPU-hours/to_train": 2.0,
        "GPU-hours/per_1000_images": pytest.approx(0.1),
        "GPU_memory/peak,_GiB": 12.0,
    }
    assert costs["copy"] == {"hours_on_CPU/per_1000_images": pytest.approx(0.1), "memory_on_CPU/peak,_GiB": 2.0}
    assert costs["real-only"] == {}
    shown = [column.metric for column in found.main if column.kind == "cost"]
    assert sorted(shown) == sorted({*costs["diffmix"], *costs["copy"]})
    assert any(line.startswith("cost: ") for line in remarks(found, found.main))


def test_costs_are_shown_only_on_request(tmp_path: Path) -> None:
    table = toy.table(tmp_path, toy.rows())
    assert not any(column.kind == "cost" for column in leaderboard(table)[0].columns)
    (asked,) = leaderboard(table, costs=True)
    assert [c.metric for c in asked.columns if c.kind == "cost"] == ["seconds/train"]
    assert not any(column.kind == "cost" for column in asked.main)


def test_a_board_of_all_folds_has_the_costs_of_single_folds(tmp_path: Path) -> None:
    rows = [row for fold in ("1/2", "all") for row in toy.rows(division="two@0", fold=fold) if row.kind != "cost"]
    at = {"run": "run-1", "dataset": "phantom", "preset": "smoke", "division": "two@0", "fold": "1/2"}
    spent = {"kind": "cost", "method": "diffmix", "metric": "synthesize/seconds", "value": 3600.0, "n": 500}
    (found,) = leaderboard(toy.table(tmp_path, [*rows, ScoreRow.model_validate({**at, **spent})]), costs=True)
    (value,) = [cell.value for row in found.rows for column, cell in row.cells.items() if column.summary]
    assert found.fold == "all"
    assert value == 2.0
