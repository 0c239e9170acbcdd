"""The formats of a paper's table: what stands where, with intervals, reasons and doubts."""

from __future__ import annotations

import csv
import io

import pytest
from rich.console import Console

from reports.numbers import MISSING
from reports.published.layout import read_published
from reports.published.markdown import render_markdown
from reports.published.pivot import pivot
from reports.published.plain_csv import render_csv
from reports.published.table import PaperTable, measure
from reports.published.terminal import render_terminal
from tests.reports.published.test_layout import HEADER, LINES, layout
from tests.reports.published.test_table import board, row


@pytest.fixture
def table() -> PaperTable:
    rows = [row("real-only", pq=0.4), row("diffmix", "mask=conic", pq=0.4567)]
    return measure(read_published(layout(notes=["a note"]), HEADER + LINES), [board(*rows)])


def text(table: PaperTable, width: int) -> str:
    out = io.StringIO()
    Console(file=out, width=width, highlight=False).print(render_terminal(table, width=width))
    return out.getvalue().replace(MISSING, "-")


def test_terminal(table: PaperTable) -> None:
    lines = text(table, 100).splitlines()
    assert lines[0] == "Mine, table 1  a paper"
    assert lines[1].split() == ["PQ", "↑", "F^L", "↑"]
    assert lines[2].split() == ["dataset", "network", "method", "measured", "paper", "measured", "paper"]
    assert lines[4].split() == ["CoNSeP", "HoVer-Net", "Baseline", ".400", ".48", "-ᵃ", ".49"]
    assert lines[5].split() == [".380-.420"]
    assert lines[6].split() == ["DiffMix", ".457", ".50", "-ᵃ", "-"]
    assert next(line for line in lines if line.startswith("GLySAC")).split()[-4:] == ["-ᵇ", ".61ᶜ", "-ᵇ", ".55ᵈ"]
    said = [line.split("  ", 1)[-1].strip() for line in lines[-7:]]
    assert said[0] == "no such nucleus"
    assert "a note" in said


def test_columns_that_do_not_fit_go_below_and_pairs_stay_together(table: PaperTable) -> None:
    narrow = text(table, 60)
    assert max(map(len, narrow.splitlines())) <= 60
    assert narrow.count("measured  paper") == 2


def test_markdown(table: PaperTable) -> None:
    lines = render_markdown(table).replace(MISSING, "-").splitlines()
    assert lines[4] == "| dataset | network | method | PQ ↑ | paper | F^L ↑ | paper |"
    assert lines[6] == "| CoNSeP | HoVer-Net | Baseline | .400 (.380-.420) | .48 | -<sup>a</sup> | .49 |"
    assert lines[7] == "|  |  | DiffMix | .457 (.437-.477) | .50 | -<sup>a</sup> | - |"
    assert "- a note" in lines


def test_csv_is_unrounded_and_has_reasons(table: PaperTable) -> None:
    found = list(csv.DictReader(io.StringIO(render_csv(table))))
    assert [line["dataset"] for line in found] == ["consep", "consep", "glysac"]
    assert (found[1]["pq/image"], found[1]["pq/image_published"]) == ("0.4567", "0.50")
    assert float(found[1]["pq/image_low"]) == pytest.approx(0.4367)
    assert "f_type[lymphocyte]: no such nucleus" in found[0]["remark"]
    assert "pq/image: a misprint; all of it is odd" in found[2]["remark"]


def test_groups_of_columns() -> None:
    keys = layout(rows=["method"], across=["dataset"])
    whole = pivot(measure(read_published(keys, HEADER + LINES), [board(row("real-only"))]))
    assert whole.names == [("Baseline",), ("DiffMix",)]
    assert whole.headings == [
        ("CoNSeP", "PQ ↑"),
        ("CoNSeP", "F^L ↑"),
        ("GLySAC", "PQ ↑"),
        ("GLySAC", "F^L ↑"),
    ]
    # the paper has no baseline on GLySAC: the place is empty
    assert whole.places[0][2] is None
