"""Names that act on terminals, spreadsheets, Markdown, LaTeX, pages and MLflow reach all of them as plain text."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import pytest

from bench.engine.console import HarmlessConsole
from bench.results.document import RunDocument
from bench.results.table import ResultsStore
from bench.tracking.reading import read_record
from reports.board import Leaderboard
from reports.gate.baseline import COLUMNS, make_baseline, write_rows
from reports.gate.rows import from_frame, read
from reports.html import render_html
from reports.json_boards import render_json
from reports.latex import render_latex
from reports.leaderboard import leaderboard
from reports.markdown import render_markdown
from reports.plain_csv import render_csv
from reports.plain_rendering import as_csv, as_markdown
from reports.plain_table import Entry, Heading, PlainTable
from reports.terminal import render_terminal
from tests import toy_results

ACTING = "\x1b]8;;http://evil\x07[red]x\u202ey\x9b31m"
METHOD = f"=cmd|'/C calc'!A0\n|a|`b`<script>alert(1)</script>{ACTING}_$#&%~^\\input{{x}}"
DATASET = f"+data../{ACTING}"
PLAIN = ("", "\n", "\t")


@pytest.fixture
def board() -> Leaderboard:
    rows = toy_results.rows(method=METHOD, seeds=3, dataset=DATASET)
    rows = toy_results.changed(rows, lambda row: row.class_ == "spindle", class_=f"@spindle{ACTING}")
    (found,) = leaderboard(toy_results.frame(rows))
    return found


def acts(text: str) -> list[str]:
    """The characters of a text that are not printed."""
    return [character for character in text if not character.isprintable() and character not in PLAIN]


def test_a_terminal_shows_them(board: Leaderboard) -> None:
    screen = HarmlessConsole(file=io.StringIO(), width=400, markup=False)
    screen.print(render_terminal(board, width=400))
    text = screen.file.getvalue()  # type: ignore[attr-defined]
    assert acts(text) == []
    assert "[red]x" in text


def test_a_spreadsheet_computes_nothing(board: Leaderboard) -> None:
    text = render_csv([board], with_dataset=True)
    assert acts(text) == []
    cells = [cell for record in csv.reader(io.StringIO(text)) for cell in record]
    assert any(cell.startswith("'=cmd") for cell in cells)
    assert any(cell.startswith("'+data") for cell in cells)
    computed = [cell for cell in cells if cell[:1] in ("=", "+", "-", "@")]
    assert all(float(cell) < 0 for cell in computed)  # negative numbers remain numbers
    assert computed


def test_plain_tables_are_harmless_too() -> None:
    record = {"name": METHOD, "number": -0.5, "text": "-0.5"}
    table = PlainTable("t", [Heading("name", METHOD, False)], [[Entry(METHOD)]], [record], remarks=[METHOD])
    name, *numbers = next(csv.reader(io.StringIO(as_csv([table]).partition("\n")[2])))
    assert name.startswith("'=cmd")
    assert numbers == ["-0.5", "-0.5"]
    text = as_markdown(table)
    assert acts(text) == []
    assert len([line for line in text.splitlines() if line.startswith("|")]) == 3
    assert not re.search(r"(?<!\\)<script", text)


def test_markdown_has_one_line_of_as_many_cells_per_arm(board: Leaderboard) -> None:
    text = render_markdown(board, everything=True)
    assert acts(text) == []
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert len(lines) == 2 + len(board.rows) + sum(line.startswith("| *") for line in lines)
    assert len({len(re.findall(r"(?<!\\)\|", line)) for line in lines}) == 1
    assert not re.search(r"(?<!\\)<script", text)
    assert not re.search(r"(?<!\\)`", text)


def test_pages_show_them_as_text(board: Leaderboard) -> None:
    text = render_html([board], everything=True)
    assert acts(text) == []
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)" in text


def test_latex_sets_them_as_text(board: Leaderboard) -> None:
    text = render_latex([board], everything=True)
    assert acts(text) == []
    assert "\\input{" not in text
    assert r"\textbackslash{}input\{x\}" in text
    assert r"\_\$\#\&\%\textasciitilde{}\textasciicircum{}" in text
    assert r"\textbackslash{}x1b]8;;http" in text


def test_json_keeps_them_on_one_line(board: Leaderboard) -> None:
    text = render_json([board])
    assert acts(text) == []
    assert json.loads(text)


def test_mlflow_receives_them_as_text(tmp_path: Path) -> None:
    store = ResultsStore(tmp_path)
    about = {"dataset": DATASET, "method": METHOD, "preset": "smoke", "config": {"a": ACTING}}
    document = RunDocument.model_validate({**about, "created": "2026-01-02T03:04:05+00:00"})
    store.write("run-1", toy_results.rows(method=METHOD, dataset=DATASET), document)
    record = read_record(tmp_path, "run-1")
    assert "/" not in record.experiment  # it names a folder of the store
    assert acts(record.experiment) == []
    for one in record.top.all():
        texts = [one.name, one.note, *one.tags.values(), *one.parameters.values(), *one.metrics, *one.pages.values()]
        texts += [each.name for each in one.inputs]
        texts += [str(value) for columns in one.tables.values() for column in columns.values() for value in column]
        assert [found for text in texts for found in acts(text)] == []
    assert not re.search(r"(?<!\\)<script", re.sub(r"`[^`\n]*`", "", record.top.note))


def test_a_baseline_is_read_as_it_was_written(tmp_path: Path) -> None:
    rows = toy_results.rows(method="=cmd()", seeds=1, dataset="+data")
    rows = toy_results.changed(rows, lambda row: row.class_ == "spindle", class_="'@spindle")
    current = from_frame(toy_results.frame(rows), (), "here")
    made = make_baseline(current, {}, {})
    write_rows(tmp_path / "baseline.csv", COLUMNS, made)
    text = (tmp_path / "baseline.csv").read_text(encoding="utf-8")
    assert not re.search(r"(^|,)[=@]", text)
    names = ("method", "dataset", "class", "value")
    back = [[row.get(name, "") for name in names] for row in read(tmp_path / "baseline.csv", finite=True).rows]
    assert back == [[row[name] for name in names] for row in made]
    assert {"=cmd()", "+data", "'@spindle"} <= {cell for row in back for cell in row}
