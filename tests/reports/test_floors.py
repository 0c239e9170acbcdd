"""Floors: with their spread, for each number of images, and which distance is shown."""

from __future__ import annotations

from pathlib import Path

from reports.floors import details, floor_rows, mixed_columns
from reports.leaderboard import leaderboard
from reports.markdown import render_markdown
from reports.remarks import remarks
from tests import toy_results as toy

FLOOR = {"floor": 0.61, "floor_low": 0.42, "floor_high": 0.81, "floor_within": 0.35, "group_kind": "slide"}


def test_a_floor_stands_with_its_range_and_that_within_slides(tmp_path: Path) -> None:
    rows = toy.changed(toy.rows(), lambda row: row.metric.startswith("fd@"), **FLOOR)
    (board,) = leaderboard(toy.table(tmp_path, rows))
    columns = [column for column in board.main if column.is_frechet]
    across, within = floor_rows(board, columns)
    assert (across.name, within.name) == ("real vs real", "real, same slide")
    assert set(across.cells.values()) == {("0.610", "0.420\N{EN DASH}0.810")}
    assert set(within.cells.values()) == {("0.350", "")}
    assert "*0.610 (0.420\N{EN DASH}0.810)*" in render_markdown(board)


def test_arms_of_other_sizes_have_floors_of_their_own_and_say_their_size(tmp_path: Path) -> None:
    rows = toy.changed(toy.rows(), lambda row: bool(row.encoder) and row.method == "diffmix", n=68, floor=0.9)
    (board,) = leaderboard(toy.table(tmp_path, rows))
    assert [floor.name for floor in floor_rows(board, board.main)] == ["real vs real, n=128", "real vs real, n=68"]
    mixed = mixed_columns(board, board.main)
    assert mixed == {column for column in board.main if column.is_distance}
    column = next(iter(mixed))
    said = {row.method: details(row.cells[column], column, mixed)[-1] for row in board.rows if column in row.cells}
    assert said == {"copy": "n=128", "noise": "n=128", "diffmix": "n=68"}
    (same,) = leaderboard(toy.table(tmp_path, toy.rows()))
    assert not mixed_columns(same, same.main)


def test_the_place_of_a_distance_is_a_word_with_a_legend(tmp_path: Path) -> None:
    places = {"copy": "below", "diffmix": "on", "noise": "above"}
    rows = [
        row.model_copy(update={"standing": places[row.method]}) if row.encoder and row.method in places else row
        for row in toy.rows()
    ]
    (board,) = leaderboard(toy.table(tmp_path, rows))
    text = render_markdown(board)
    assert all(f"({word})" in text for word in places.values())
    assert any(line.startswith("below, on, above:") for line in remarks(board, board.main))
    assert not any(line.startswith("below") for line in remarks(*leaderboard(toy.table(tmp_path, toy.rows()))))


def test_a_kernel_distance_replaces_a_rank_deficient_frechet_distance(tmp_path: Path) -> None:
    reason = "rank deficient: 128 images of 198 features"
    rows = toy.changed(toy.rows(), lambda row: row.metric.startswith("fd@"), reason=reason)
    (board,) = leaderboard(toy.table(tmp_path, rows))
    shown = [column.name for column in board.main if column.is_distance]
    assert shown == ["kd@random-convnet[test]", "kd@random-convnet[train]"]
    assert any(line.startswith("not shown here: fd@random-convnet;") for line in remarks(board, board.main))
    assert reason in render_markdown(board, everything=True)
    # without a kernel distance there is nothing to replace it with, and the remark stands at the number
    (other,) = leaderboard(toy.table(tmp_path, [row for row in rows if not row.metric.startswith("kd@")]))
    assert "fd@random-convnet[test]" in [column.name for column in other.main]
    assert reason in render_markdown(other)
