"""Leaderboards as people and programs read them."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from bench.results.table import ScoreRow, merge_rows, read_rows, write_rows
from metrics.table import find
from reports.board import Cell, Leaderboard
from reports.columns import Column
from reports.leaderboard import leaderboard
from reports.markdown import render_markdown
from reports.numbers import interval, number
from reports.plain_csv import render_csv
from reports.sheet import sheet_of
from reports.terminal import render_terminal
from tests import toy_results
from tests.reports.boards import board as hand_made
from tests.reports.boards import terminal as in_terminal

RAISED = "[ᵃ-ᶻ]"


def boards(folder: Path, *runs: list[ScoreRow]) -> list[Leaderboard]:
    for index, rows in enumerate(runs):
        write_rows(folder / f"{index}.parquet", rows)
    table = merge_rows(read_rows(folder / f"{index}.parquet" for index in range(len(runs))))
    return leaderboard(table, rare={"phantom": ("miscellaneous",)})


def terminal(board: Leaderboard, width: int = 140, everything: bool = False) -> str:
    console = Console(file=io.StringIO(), width=width, highlight=False)
    console.print(render_terminal(board, width=width, everything=everything))
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    return text


@pytest.mark.parametrize(
    ("value", "column", "text"),
    [
        (0.3741, Column("pq/image"), ".374"),
        (1.0, Column("pq/image"), "1.000"),
        (0.012, Column("pq/image", "difference"), "+.012"),
        (-0.012, Column("pq/image", "difference"), "-.012"),
        (0.0, Column("fd@x", encoder="x"), "0.00"),
        (312.4, Column("fd@x", encoder="x"), "312"),
        (4.2, Column("fd@x", encoder="x"), "4.20"),
        (0.0042, Column("kd@x", encoder="x", about=find("kd@x")), "4.20"),
        (-0.00042, Column("kd@x", encoder="x", about=find("kd@x")), "-0.420"),
        (123456.0, Column("seconds", "cost"), "1.23e+05"),
    ],
)
def test_numbers(value: float, column: Column, text: str) -> None:
    assert number(value, column) == text


def test_intervals() -> None:
    assert interval(Cell(0.4, 0.35, 0.45), Column("pq/image")) == ".350\N{EN DASH}.450"
    assert interval(Cell(0.4, -0.01, 0.45), Column("pq/image", "difference")) == "[-.010, +.450]"
    assert interval(Cell(0.4), Column("pq/image")) == ""


def test_terminal_fits_its_width_and_shows_values_with_intervals(tmp_path: Path) -> None:
    (board,) = boards(tmp_path, toy_results.rows())
    for width, everything in ((140, False), (140, True), (80, False), (80, True)):
        lines = terminal(board, width, everything).splitlines()
        assert max(map(len, lines)) <= width
        assert not any("…" in line for line in lines)
    text = terminal(board)
    for part in (".390", ".366\N{EN DASH}.413", "real vs real", "0.610", "+.030", "[+.015, +.045]"):
        assert part in text
    assert "nothing is marked as better" in text
    assert toy_results.NO_BOOTSTRAP in text
    assert "no nucleus of this class" in text
    assert "▲" not in text
    drawn = {width: terminal(board, width).splitlines() for width in (200, 120, 80)}
    tables = [sum(line.startswith("method") for line in lines) for lines in drawn.values()]
    assert tables == [1, 2, 3]  # groups of columns go below each other where they do not fit


@pytest.mark.parametrize("width", [80, 120, 200])
@pytest.mark.parametrize("everything", [False, True])
def test_no_number_of_a_terminal_is_cut_or_divided(width: int, everything: bool) -> None:
    found = hand_made()
    text = in_terminal(found, width, everything=everything)
    assert max(map(len, text.splitlines())) <= width
    sheet = sheet_of(found, everything=everything)
    columns = [column for block in sheet.blocks for column in block.columns]
    for column in columns:
        for entry in (*column.floors, *column.entries):
            for part in (entry.mark + entry.text, *entry.more):
                assert re.search(rf"(^|\s){re.escape(part)}({RAISED}|\s|$)", text, re.MULTILINE)
    assert all(block.title in text for block in sheet.blocks)
    # the difference that is tested is the first number, with its verdict and rank
    assert [column.heading[0] for column in columns[:4]] == ["Δ pq ↑", "verdict", "rank", "pq ↑"]
    heading = next(line for line in text.splitlines() if "Δ" in line)
    assert heading.split()[:3] == ["Δ", "pq", "↑"]


def test_long_names_go_over_several_lines() -> None:
    found = hand_made()
    rows = [replace(row, variant="guidance_scale=2.0 start=train-random " * 2) for row in found.rows]
    text = in_terminal(replace(found, rows=rows), 80)
    assert max(map(len, text.splitlines())) <= 80
    assert "[+.015, +.045]" in text


def test_terminal_separates_controls_and_marks_three_seeds(tmp_path: Path) -> None:
    (board,) = boards(tmp_path, toy_results.rows(seeds=3))
    lines = terminal(board).splitlines()
    noise, diffmix = (next(i for i, line in enumerate(lines) if line.startswith(n)) for n in ("noise", "diffmix"))
    assert any(not line.strip(" \N{BOX DRAWINGS LIGHT HORIZONTAL}") for line in lines[noise + 2 : diffmix])
    assert "▲+.030" in lines[diffmix]
    assert "▼-.160" in lines[noise]


def test_markdown_is_a_table_with_every_reason(tmp_path: Path) -> None:
    (board,) = boards(tmp_path, toy_results.rows("a", "gradmix", 3), toy_results.rows("b", "diffmix", 3))
    text = render_markdown(board)
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len({line.count("|") for line in rows}) == 1
    assert len(rows) == 2 + 1 + 5
    assert "**.390** (.366\N{EN DASH}.413)" in text
    assert "▲ +.030 [+.015, +.045]" in text
    assert "f\\_d" in text
    assert toy_results.NO_BOOTSTRAP in text


def test_a_number_that_needs_a_remark_has_it(tmp_path: Path) -> None:
    remark = "this network chose the images"
    rows = [
        r.model_copy(update={"reason": remark}) if r.metric == "pq/image" and r.ci_low is not None else r
        for r in toy_results.rows()
    ]
    (board,) = boards(tmp_path, rows)
    assert remark in render_markdown(board)
    assert remark in " ".join(terminal(board).split())


def test_csv_is_unrounded_with_bounds_beside_values(tmp_path: Path) -> None:
    (board,) = boards(tmp_path, toy_results.rows(seeds=2, shift=1 / 7))
    read = list(csv.DictReader(io.StringIO(render_csv([board]))))
    assert list(read[0])[:5] == ["method", "variant", "downstream", "preset", "seeds"]
    assert [line["method"] for line in read] == ["real-only", "copy", "noise", "diffmix"]
    last = read[-1]
    assert float(last["pq/image"]) == 0.39 + 1 / 7
    assert float(last["pq/image_low"]) == 0.39 + 1 / 7 - 0.024
    assert float(last["kd@random-convnet[test]"]) == 4.2 / 1000
    assert last["fd@random-convnet[train]_low"] == ""
    assert last["f_type[miscellaneous]"] == ""
    assert float(last["f_type[epithelial]_high"]) == pytest.approx(0.39 + 1 / 7 + 0.023)
    assert read[0]["fd@random-convnet[test]"] == ""
    assert read[0]["pq/image_difference"] == ""
    names = list(last)
    for name in names:
        if name.endswith("_low"):
            assert {name.removesuffix("_low"), name.removesuffix("_low") + "_high"} <= set(names)


def test_csv_of_several_datasets_names_them(tmp_path: Path) -> None:
    both = boards(tmp_path, toy_results.rows("a"), toy_results.rows("b", dataset="consep"))
    read = list(csv.DictReader(io.StringIO(render_csv(both, with_dataset=True))))
    assert next(iter(read[0])) == "method"
    assert {line["dataset"] for line in read} == {"phantom", "consep"}
    assert len(read) == 8
