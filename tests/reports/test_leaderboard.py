"""Leaderboards: what shares a table, which rows it shows, what it may claim."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from bench.results.table import POOLED_FOLDS, ScoreRow, merge_rows, read_rows, write_rows
from reports.board import Leaderboard
from reports.columns import Column, main_columns
from reports.leaderboard import leaderboard
from reports.numbers import is_void, sole_encoder
from reports.remarks import remarks
from tests import toy_results


def frame(folder: Path, *runs: list[ScoreRow]) -> pd.DataFrame:
    for index, rows in enumerate(runs):
        write_rows(folder / f"{index}.parquet", rows)
    return merge_rows(read_rows(folder / f"{index}.parquet" for index in range(len(runs))))


def column(board: Leaderboard, name: str) -> Column:
    return next(c for c in board.columns if c.name == name)


def row(board: Leaderboard, method: str) -> int:
    return [r.method for r in board.rows].index(method)


def test_single_folds_are_shown_only_on_request(tmp_path: Path) -> None:
    rows = [toy_results.rows("r", division="two@0", fold=fold) for fold in ("1/2", "2/2", "all", "all")]
    rows[2] = [row.model_copy(update={"aggregation": POOLED_FOLDS}) for row in rows[2]]
    table = frame(tmp_path, [row for fold in rows for row in fold])
    assert [board.fold for board in leaderboard(table)] == ["all", "pooled"]
    assert leaderboard(table)[0].title.endswith("two@0 \u00b7 all folds")
    assert [board.fold for board in leaderboard(table, folds=True)] == ["all", "pooled", "2/2", "1/2"]
    other = frame(tmp_path, [row for fold in rows[:1] for row in fold])
    assert [board.fold for board in leaderboard(other)] == ["1/2"]


def test_what_may_not_be_compared_stands_apart(tmp_path: Path) -> None:
    changes = [
        {},
        {"dataset": "consep"},
        {"preset": "paper"},
        {"budget": "9 epochs"},
        {"division": "a@0"},
        {"fold": "1/5"},
    ]
    table = frame(tmp_path, *(toy_results.rows(f"r{i}", **change) for i, change in enumerate(changes)))
    boards = leaderboard(table)
    keys = {(b.dataset, b.preset, b.budget, b.division, b.fold) for b in boards}
    assert len(keys) == len(boards) == len(changes)
    assert boards[0].fold == "1/5"  # the newest first
    assert [b.dataset for b in leaderboard(table, dataset="consep")] == ["consep"]
    assert [b.preset for b in leaderboard(table, preset="paper")] == ["paper"]


def test_rows_are_controls_then_methods_and_hold_all_seeds_where_there_are_several(tmp_path: Path) -> None:
    one, several = toy_results.rows("a", "gradmix"), toy_results.rows("b", "diffmix", seeds=3, shift=0.1)
    (board,) = leaderboard(frame(tmp_path, one, several))
    assert [r.method for r in board.rows] == ["real-only", "copy", "noise", "diffmix", "gradmix"]
    pq = column(board, "pq/image")
    assert board.rows[3].cells[pq].seeds == 3
    assert board.rows[3].cells[pq].value == pytest.approx(0.49)
    assert board.rows[3].cells[pq].ci_method == "groups+seeds"
    assert (board.rows[4].cells[pq].seeds, board.rows[4].cells[pq].ci_method) == (1, "groups")


def test_variants_are_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    variants = ["centroid 100%", "centroid 50%", "", "centroid 300%"]
    runs = [
        [r.model_copy(update={"variant": variant}) for r in toy_results.rows(f"run-{number}") if r.method == "diffmix"]
        for number, variant in enumerate(variants)
    ]
    (board,) = leaderboard(frame(tmp_path, *runs))
    assert [r.variant for r in board.rows] == ["", "centroid 50%", "centroid 100%", "centroid 300%"]


def test_older_protocols_are_left_out_and_counted(tmp_path: Path) -> None:
    new = [r if r.metric != "acc" else r.model_copy(update={"protocol": 2}) for r in toy_results.rows("b", "gradmix")]
    (board,) = leaderboard(frame(tmp_path, toy_results.rows("a", "diffmix"), new))
    acc = column(board, "acc")
    assert acc not in board.rows[row(board, "diffmix")].cells
    assert acc in board.rows[row(board, "gradmix")].cells
    assert board.outdated == 4  # real-only, copy, noise and diffmix of the old run


def test_encoders_of_one_name_and_other_weights_share_no_column(tmp_path: Path) -> None:
    other = [
        r if not r.encoder else r.model_copy(update={"encoder": "random-convnet:ffff"})
        for r in toy_results.rows("b", "gradmix")
    ]
    (board,) = leaderboard(frame(tmp_path, toy_results.rows("a", "diffmix"), other))
    names = [c.name for c in board.columns]
    assert len(names) == len(set(names))
    assert sum(name.startswith("fd@random-convnet#") and name.endswith("[test]") for name in names) == 2


def test_every_network_has_its_row_with_the_distances_of_its_arm(tmp_path: Path) -> None:
    second = [r.model_copy(update={"downstream": "sonnet"}) for r in toy_results.rows() if r.downstream]
    (board,) = leaderboard(frame(tmp_path, toy_results.rows() + second))
    assert [(r.method, r.downstream) for r in board.rows][-2:] == [("diffmix", "hovernet"), ("diffmix", "sonnet")]
    assert all(column(board, "fd@random-convnet[test]") in r.cells for r in board.rows[-2:])


def test_costs_and_rare_classes_are_columns_where_asked_for(tmp_path: Path) -> None:
    table = frame(tmp_path, toy_results.rows())
    plain = leaderboard(table)[0]
    assert not any(c.kind == "cost" for c in plain.columns)
    assert any(c.kind == "cost" for c in leaderboard(table, costs=True)[0].columns)
    board = leaderboard(table, rare={"phantom": ("spindle",)})[0]
    classes = [c.class_ for c in main_columns(board.columns, board.rare) if c.family == "f_type"]
    assert classes == ["spindle"]


def faithful(value: float | None, **changes: object) -> list[ScoreRow]:
    """Rows of a run with one more: the faithfulness of its method, or the reason why there is none."""
    at = {"run": "run-1", "dataset": "phantom", "preset": "smoke", "budget": "600 steps", "downstream": "hovernet"}
    number = {"reason": "needs a source"} if value is None else {"value": value, "ci_low": 0.1, "ci_high": 0.9}
    row = ScoreRow.model_validate(
        {**at, "method": "diffmix", "metric": "fs1/image", "direction": "higher", **number, **changes}
    )
    return [*toy_results.rows(), row]


def test_faithfulness_is_shown_where_an_arm_has_it(tmp_path: Path) -> None:
    (board,) = leaderboard(frame(tmp_path, faithful(0.7)))
    assert "fs1/image" in [c.name for c in board.main]
    fs1 = column(board, "fs1/image")
    assert is_void(board.rows[row(board, "real-only")], fs1)  # no remark is needed: it adds no image
    (other,) = leaderboard(frame(tmp_path, faithful(None)))
    assert "fs1/image" not in [c.name for c in other.main]
    assert "fs1/image" in [c.name for c in other.columns]


def test_neighbourhoods_and_copying_stand_among_all_columns_alone(tmp_path: Path) -> None:
    extra = [
        r.model_copy(update={"metric": f"{name}@random-convnet"})
        for r in toy_results.rows()
        if r.metric == "fd@random-convnet"
        for name in ("precision", "coverage", "auth_pct")
    ]
    colour = [
        r.model_copy(update={"metric": "colour_fd", "encoder": "colour"})
        for r in toy_results.rows()
        if r.metric == "fd@random-convnet"
    ]
    (plain,) = leaderboard(frame(tmp_path, toy_results.rows()))
    (board,) = leaderboard(frame(tmp_path, [*toy_results.rows(), *extra, *colour]))
    assert [c.name for c in board.main] == [c.name for c in plain.main]
    names = [c.name for c in board.columns]
    assert {"coverage@random-convnet[test]", "colour_fd[train]"} <= set(names)
    assert names.index("fd@random-convnet[test]") < names.index("precision@random-convnet[test]")
    assert sole_encoder(board.columns) == "random-convnet"


def test_images_that_a_mean_leaves_out_are_told(tmp_path: Path) -> None:
    assert not any("leave out" in line for line in remarks(leaderboard(frame(tmp_path, toy_results.rows()))[0]))
    rows = [r.model_copy(update={"n_skipped": 2}) if r.metric == "pq/image" else r for r in toy_results.rows()]
    (line,) = (line for line in remarks(leaderboard(frame(tmp_path, rows))[0]) if "leave out" in line)
    assert "2 of 14" in line


def test_networks_that_start_from_other_weights_are_told_apart(tmp_path: Path) -> None:
    def named(*starts: str) -> set[str]:
        runs = []
        for index, start in enumerate(starts):
            rows = toy_results.rows(f"r{index}")
            runs.append([row.model_copy(update={"starts_from": start}) if row.downstream else row for row in rows])
        (board,) = leaderboard(frame(tmp_path, *runs))
        return {row.downstream for row in board.rows if row.downstream}

    (network,) = named("random", "random")
    assert named("random", "file") == {f"{network} (weights: random)", f"{network} (weights: file)"}
    assert named("", "random") == {network}  # rows of an older version do not say it


def test_data_of_one_name_that_differ_are_two_boards(tmp_path: Path) -> None:
    first, second, old = "1" * 64, "2" * 64, ""
    runs = [toy_results.rows(f"r{index}", data=data) for index, data in enumerate((first, second, old))]
    boards = leaderboard(frame(tmp_path, *runs))
    assert [board.data for board in boards] == ["not recorded", "2" * 8, "1" * 8]
    assert len({board.title for board in boards}) == 3
    assert "data 22222222" in boards[1].title
    (alone,) = leaderboard(frame(tmp_path, runs[0]))
    assert (alone.data, alone.title) == ("", "phantom · smoke · 600 steps")
