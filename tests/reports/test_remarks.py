"""What is said of a board: in every format, and only where it is true."""

from __future__ import annotations

import csv
import html
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from bench.results.table import ScoreRow
from reports.board import Leaderboard
from reports.html import render_html
from reports.json_boards import render_json
from reports.latex import render_latex
from reports.leaderboard import leaderboard
from reports.markdown import render_markdown
from reports.plain_csv import render_csv
from reports.remarks import remarks, subtitle, warnings
from reports.terminal import render_terminal
from tests import toy_results as toy

LATEX = {
    r"\textbf{!}": "⚠",
    r"\textless{}": "<",
    r"\%": "%",
    "-{}-": "--",
    r"$\blacktriangle$": "▲",
    r"$\blacktriangledown$": "▼",
    r"$\bigstar$": "★",
    r"$\pm$": "±",
    r"$\uparrow$": "↑",
    r"$\downarrow$": "↓",
    r"$\Delta$": "Δ",
    "$-$": "-",
    r"$\cdot$": "·",
    r"\_": "_",
}


def board(folder: Path, *runs: list[ScoreRow], **options: Any) -> Leaderboard:
    (found,) = leaderboard(toy.table(folder, *runs), **options)
    return found


def terminal(found: Leaderboard, width: int = 120, everything: bool = False) -> str:
    console = Console(file=io.StringIO(), width=width, highlight=False)
    console.print(render_terminal(found, width=width, everything=everything))
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    return text


def formats(found: Leaderboard) -> dict[str, str]:
    """Return a board in every format, with blanks, tags and escapes removed."""
    latex = render_latex([found])
    for written, meant in LATEX.items():
        latex = latex.replace(written, meant)
    (read,) = json.loads(render_json([found]))["boards"]
    texts = {
        "terminal": terminal(found),
        "markdown": render_markdown(found).replace("\\", ""),
        "csv": render_csv([found]),
        "latex": latex,
        "html": html.unescape(re.sub("<[^>]*>", "", render_html([found]))),
        "json": " ".join([*read["warnings"], *read["remarks"], *(f"{row['rank']}" for row in read["rows"])]),
    }
    return {name: " ".join(text.split()) for name, text in texts.items()}


def test_every_remark_is_in_every_format(tmp_path: Path) -> None:
    rows = toy.changed(
        toy.rows(seeds=3, preset="tiny"),
        lambda row: not row.encoder and row.kind != "cost",
        n_groups=14,
        n_effective=1.6,
        group_kind="tile",
        detectable=0.031,
        n_skipped=2,
    )
    rows = toy.changed(rows, lambda row: bool(row.encoder), standing="above", floor_low=0.4, floor_high=0.8)
    found = board(tmp_path, [*rows, toy.leak(preset="tiny")])
    said = [*warnings(found), *remarks(found, found.main)]
    assert len(said) >= 9
    for name, text in formats(found).items():
        missing = [line for line in said if line not in text]
        assert not missing, name


@pytest.mark.parametrize("style", ["terminal", "markdown", "csv"])
def test_a_leak_is_in_the_cell_of_its_method_in_every_format(tmp_path: Path, style: str) -> None:
    found = board(tmp_path, [*toy.rows(seeds=3), toy.leak()])
    if style == "terminal":
        lines = terminal(found, 80).splitlines()
        places = [index for index, line in enumerate(lines) if line.startswith("diffmix  ")]
        assert places
        assert all(lines[index + 1].startswith("⚠ contains test images") for index in places)
    elif style == "markdown":
        (line,) = (line for line in render_markdown(found).splitlines() if line.startswith("| diffmix"))
        assert line.startswith("| diffmix ⚠ contains test images |")
        assert "**" not in line
        assert "▲" not in line
    else:
        (row,) = (row for row in csv.DictReader(io.StringIO(render_csv([found]))) if row["leak"])
        assert row["method"] == "diffmix ⚠ contains test images"
        assert row["leak"] == "contains test images"
        assert row["verdict"] == row["pq/image_difference_mark"] == ""


def test_csv_says_what_other_formats_say(tmp_path: Path) -> None:
    floor = {"floor": 0.6, "floor_low": 0.4, "floor_high": 0.8, "floor_within": 0.3, "standing": "above"}
    rows = toy.changed(toy.rows(seeds=3), lambda row: bool(row.encoder) and row.method != "copy", **floor)
    rows = toy.changed(rows, lambda row: row.metric == "pq/image", n_groups=14, group_kind="slide", detectable=0.03)
    found = board(tmp_path, rows)
    read = {row["method"]: row for row in csv.DictReader(io.StringIO(render_csv([found])))}
    mine = read["diffmix"]
    for name, value in floor.items():
        assert mine[f"fd@random-convnet[test]_{name}"] == str(value)
    assert mine["fd@random-convnet[test]_reason"] == toy.NO_BOOTSTRAP
    assert (mine["pq/image_n"], mine["pq/image_n_groups"], mine["group_kind"]) == ("14", "14", "slide")
    assert (mine["primary"], mine["verdict"], mine["pq/image_difference_mark"]) == ("pq/image", "better", "▲")
    assert mine["pq/image_difference_detectable"] == "0.03"
    assert read["noise"]["verdict"] == "worse"
    assert (mine["distinct"], mine["generators"], read["copy"]["generators"]) == ("3", "1", "0")


def test_one_generator_is_said_and_three_are_not(tmp_path: Path) -> None:
    def said(n: int) -> list[str]:
        rows = toy.changed(toy.rows(seeds=3), lambda row: row.method == "diffmix", generators=n)
        return [line for line in remarks(board(tmp_path, rows)) if "trained generator" in line]

    assert "this one trained generator, and not for the method: diffmix;" in said(1)[0]
    assert "these 2 trained generators" in said(2)[0]
    assert said(3) == said(0) == []


@pytest.mark.parametrize(("kind", "many"), [("tile", "tiles"), ("patch", "patches"), ("slide", "slides")])
def test_groups_are_named_and_told_if_they_are_not_independent(tmp_path: Path, kind: str, many: str) -> None:
    rows = toy.changed(toy.rows(), lambda row: bool(row.downstream), n_groups=14, group_kind=kind)
    found = board(tmp_path, rows)
    assert f"tested on 14 {many}" in subtitle(found, found.main)
    assert any(f"take {many} for independent" in line for line in remarks(found)) == (kind != "slide")
    assert all(f"tested on 14 {many}" in formats(found)[name] for name in ("terminal", "markdown"))


def test_few_effective_groups_and_the_detectable_difference_are_said(tmp_path: Path) -> None:
    rows = toy.changed(toy.rows(), lambda row: row.class_ == "spindle", n_effective=1.6)
    rows = toy.changed(rows, lambda row: row.kind == "difference", detectable=0.031)
    found = board(tmp_path, rows, rare={"phantom": ("spindle",)})
    assert any("effective groups" in line and "spindle (1.6)" in line for line in remarks(found))
    assert "the smallest difference in pq/image that this table could have found: .031 (80 % power)" in remarks(found)
    assert not any(
        "effective" in line or "smallest difference in" in line for line in remarks(board(tmp_path, toy.rows()))
    )


def test_an_arm_that_was_not_checked_for_test_images_is_named(tmp_path: Path) -> None:
    assert "not checked for test images: diffmix" in remarks(board(tmp_path, toy.rows()))
    checked = [*toy.rows(), toy.leak(value=0.0)]
    assert not any("checked" in line or "⚠" in line for line in remarks(board(tmp_path, checked)))


def test_ranks_stand_next_to_verdicts(tmp_path: Path) -> None:
    rows = toy.rows(seeds=3)
    at = next(row for row in rows if row.method == "diffmix" and row.kind == "difference" and row.seed < 0)
    rank = {"kind": "rank", "value": 1.0, "ci_low": 1.0, "ci_high": 3.0, "direction": "none"}
    found = board(tmp_path, [*rows, at.model_copy(update=rank)])
    told = {"latex": "1--3", "json": "{'value': 1.0, 'low': 1.0, 'high': 3.0}"}
    for name, text in formats(found).items():
        assert told.get(name, "1\N{EN DASH}3") in text
    assert "| better ★ | 1\N{EN DASH}3 |" in render_markdown(found)
    (leaky,) = leaderboard(toy.table(tmp_path, [*rows, at.model_copy(update=rank), toy.leak()]))
    text = "".join(formats(leaky).values())
    assert not [rank for rank in ("1\N{EN DASH}3", *told.values()) if rank in text]


def test_seeds_are_those_of_networks_that_were_tested(tmp_path: Path) -> None:
    failed = toy.changed(toy.rows(seeds=1), lambda row: row.method == "diffmix", method="failed")
    reason = {"value": None, "ci_low": None, "ci_high": None, "reason": "too few images look like their class"}
    failed = [row.model_copy(update=reason) for row in failed if row.method == "failed"]
    assert not any(line.startswith("one seed") for line in remarks(board(tmp_path, [*toy.rows(seeds=3), *failed])))
    assert any(line.startswith("one seed") for line in remarks(board(tmp_path, toy.rows(seeds=1))))
