"""Scores by ratio: which arms are a curve, its tables and its picture."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from bench.results.table import ScoreRow, read_rows, write_rows
from reports.board import Leaderboard
from reports.leaderboard import leaderboard
from reports.markdown import render_markdown
from reports.scaling import scalings
from reports.scaling_picture import COLOURS, scaling_picture
from reports.scaling_table import scaling_markdown
from reports.terminal import render_terminal
from tests import toy_results


def arm(variant: str, ratio: float | None, shift: float = 0.0, network: str = "hovernet") -> list[ScoreRow]:
    made = toy_results.rows(method="sdm", shift=shift)
    changed = [row.model_copy(update={"variant": variant, "ratio": ratio}) for row in made if row.method == "sdm"]
    return [row.model_copy(update={"downstream": network}) if row.downstream else row for row in changed]


def baseline() -> list[ScoreRow]:
    return [row.model_copy(update={"ratio": 0.0}) for row in toy_results.rows() if row.method == "real-only"]


def board(folder: Path, *parts: list[ScoreRow]) -> Leaderboard:
    write_rows(folder / "a.parquet", [row for part in parts for row in part])
    (found,) = leaderboard(read_rows([folder / "a.parquet"]))
    return found


def test_arms_of_several_ratios_are_a_curve_from_the_baseline(tmp_path: Path) -> None:
    found = board(tmp_path, baseline(), arm("10x", 10.0, 0.2), arm("1x", 1.0), arm("1.5x", 1.5, 0.1))
    assert [row.variant for row in found.rows] == ["", "1x", "1.5x", "10x"]
    (scaling,) = scalings(found)
    assert scaling.title == "sdm"
    assert scaling.ratios == [0.0, 1.0, 1.5, 10.0]
    (pq,) = [line for line in scaling.lines if line.column.metric == "pq/image"]
    values = {ratio: cell.value for ratio, cell in pq.cells.items()}
    assert values == pytest.approx({0.0: 0.36, 1.0: 0.37, 1.5: 0.47, 10.0: 0.57})
    assert not any(line.column.is_of_images for line in scaling.lines)


@pytest.mark.parametrize(
    "names", [("50%", "100%"), ("ratio=0.5", "ratio=1"), ("centroid 50% p>=0.5", "centroid 100% p>=0.5")]
)
def test_a_variant_may_name_its_ratio_in_several_ways(tmp_path: Path, names: tuple[str, str]) -> None:
    (scaling,) = scalings(board(tmp_path, arm(names[0], 0.5), arm(names[1], 1.0)))
    assert scaling.ratios == [0.0, 0.5, 1.0]
    assert scaling.title == ("sdm (centroid p>=0.5)" if "centroid" in names[0] else "sdm")


def test_one_ratio_or_different_ways_are_no_curve(tmp_path: Path) -> None:
    assert scalings(board(tmp_path, arm("1x", 1.0))) == []
    assert scalings(board(tmp_path, arm("1x", 1.0), arm("random 50%", 0.5))) == []
    assert scalings(board(tmp_path, arm("1x", None), arm("2x", None))) == []


def test_ratios_of_one_name_never_share_a_row(tmp_path: Path) -> None:
    found = board(tmp_path, arm("", 1.0), arm("", 2.0, 0.1))
    assert [row.title for row in found.rows] == ["sdm (1x)", "sdm (2x)"]
    values = [next(cell.value for column, cell in row.cells.items() if column.name == "pq/image") for row in found.rows]
    assert values == pytest.approx([0.37, 0.47])


def test_a_row_that_does_not_say_its_ratio_is_of_the_same_arm(tmp_path: Path) -> None:
    old = [row.model_copy(update={"ratio": None}) for row in arm("", 1.0) if not row.downstream]
    found = board(tmp_path, old, [row for row in arm("", 1.0) if row.downstream])
    (row,) = found.rows
    assert {column.kind for column in row.cells} == {"score", "difference"}
    assert any(column.is_distance for column in row.cells)


def test_tables_have_a_column_per_ratio(tmp_path: Path) -> None:
    found = board(tmp_path, baseline(), arm("1x", 1.0), arm("2x", 2.0))
    (scaling,) = scalings(found)
    text = scaling_markdown(scaling, "scaling.png")
    assert "| score | network | 0 | 1x | 2x |" in text
    (line,) = [line for line in text.split("\n") if line.startswith("| pq ↑ image")]
    assert line.replace("\N{EN DASH}", "-") == (
        "| pq ↑ image | hovernet | .360 (.336-.383) | .370 (.346-.393) | .370 (.346-.393) |"
    )
    assert "](scaling.png)" in text
    console = Console(file=io.StringIO(), width=140)
    console.print(render_terminal(found))
    assert "sdm, by ratio of synthetic to real images" in console.file.getvalue()  # type: ignore[attr-defined]


def test_the_picture_has_a_line_and_a_band_per_network(tmp_path: Path) -> None:
    parts = [
        arm(f"{r}x", float(r), shift * r, name) for r in (1, 2) for name, shift in (("hovernet", 0.1), ("sonnet", 0.2))
    ]
    (scaling,) = scalings(board(tmp_path, baseline(), *parts))
    assert scaling.networks == ["hovernet", "sonnet"]
    scaling_picture(scaling, tmp_path / "scaling.png")
    with Image.open(tmp_path / "scaling.png") as opened:
        pixels = np.asarray(opened.convert("RGB")).reshape(-1, 3)
    for colour in COLOURS[:2]:
        assert (pixels == colour).all(axis=1).sum() > 50
    assert not (pixels == COLOURS[2]).all(axis=1).any()


def test_spreads_are_remarks(tmp_path: Path) -> None:
    shared = {"run": "r", "dataset": "phantom", "preset": "smoke", "budget": "600 steps", "method": "sdm"}
    shared |= {"variant": "1x", "downstream": "hovernet", "metric": "pq/image", "kind": "spread", "reason": "few"}
    spreads = [
        ScoreRow(**shared, value=value, aggregation=f"sd over {name} seeds")
        for name, value in (("training", 0.012), ("generation", 0.003))
    ]
    text = render_markdown(board(tmp_path, arm("1x", 1.0), spreads))
    assert "sdm (1x), hovernet: standard deviation .012 over training seeds (on one set), .003 over generation" in text


def test_a_curve_of_sets_with_a_leak_says_so(tmp_path: Path) -> None:
    leaks = [toy_results.leak(method="sdm", variant=name) for name in ("1x", "2x")]
    (scaling,) = scalings(board(tmp_path, baseline(), arm("1x", 1.0), arm("2x", 2.0), leaks))
    assert scaling.title == "sdm ⚠ contains test images"
    assert "⚠ contains test images" in scaling_markdown(scaling)
