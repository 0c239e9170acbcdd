"""Names from anywhere cannot act on a terminal or in a table."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bench.cli.errors import print_error
from bench.config.validate import build
from bench.datasets.card import DatasetCard, load_card
from bench.engine.console import HarmlessConsole
from bench.engine.log import RunLog
from bench.engine.reporter import Reporter
from bench.errors import BenchError, ConfigError
from bench.harmless import acting, csv_cell, csv_text, harmless
from tests.bench.conftest import request

HOSTILE = {
    "colour": "\x1b[31mred\x1b[0m",
    "title": "\x1b]0;owned\x07",
    "link": "\x1b]8;;http://evil\x1b\\click\x1b]8;;\x1b\\",
    "eight bits": "\x9b31mred",
    "bell": "a\x07b",
    "override": "abc\u202egpj.exe",
    "isolate": "\u2066abc\u2069",
    "carriage return": "good\rbad",
}


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
def test_control_characters_are_shown_as_escapes(name: str) -> None:
    shown = harmless(name)
    assert shown.isprintable()
    assert acting(name) in shown
    assert harmless(shown) == shown
    for text in ("épithélial", "上皮", "Δ ± µ ≤", "real-only", "می‌خواهم", "👩‍🔬"):
        assert harmless(text) == text
        assert acting(text) == ""


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
def test_a_console_prints_them_harmlessly_and_keeps_its_own_styles(name: str) -> None:
    for markup in (True, False):
        screen = HarmlessConsole(file=io.StringIO(), force_terminal=True, width=200, markup=markup, highlight=False)
        table = Table(name, title=Text(name))
        table.add_row(Text(name))
        for shown in (name, Text(name, "bold"), table):
            screen.print(shown)
        text = screen.file.getvalue()  # type: ignore[attr-defined]
        assert "\x1b[1m" in text  # its own
        for style in ("\x1b[1m", "\x1b[0m", "\x1b[3m", "\x1b[1;3m", "\x1b[1;38;5;15m"):
            text = text.replace(style, "")
        assert all(line.isprintable() for line in text.splitlines())


def test_markup_in_names_is_text(capsys: pytest.CaptureFixture[str]) -> None:
    reporter = Reporter(live=False)
    reporter.warn("[red]epithelial[/red] \x1b[31m")
    assert "[red]epithelial[/red] \\x1b[31m" in capsys.readouterr().err
    reporter = Reporter(console=Console(file=io.StringIO()))
    reporter.say("[/nothing]")  # would be an error as markup


def test_errors_and_logs_are_harmless_and_have_no_secrets(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    error = BenchError("no \x1b[31mname", got="at http://user:secret@host/?token=abc\nnext", fix="\u202e")
    error.add_note("log:   \x07")
    print_error(error)
    said = capsys.readouterr().err
    assert said.splitlines() == [
        "error: no \\x1b[31mname",
        "got:   at http://host/?***",
        "       next",
        "fix:   \\u202e",
        "log:   \\x07",
    ]
    log = RunLog(tmp_path / "log")
    log.write("run --tracking-uri http://user:secret@host/?token=abc \x1b[31m")
    assert log.path.read_text().endswith("run --tracking-uri http://host/?*** \\x1b[31m\n")


@pytest.mark.parametrize("text", ["=cmd()", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "'=1", "''@x", "- minus", "=", "@"])
def test_formulas_are_text_in_a_table_and_come_back(text: str) -> None:
    cell = csv_cell(text)
    assert cell.startswith("'")
    assert csv_text(cell) == text


@pytest.mark.parametrize(
    "text", ["-0.25", "+3", "-1e-05", "1.5", "", "-inf", "nan", "it's", "'quoted'", "-", "diffmix"]
)
def test_numbers_and_words_are_kept(text: str) -> None:
    assert csv_cell(text) == text
    assert csv_text(text) == text


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "a\u202eb"},
        {"title": "a\u202eb"},
        {"labels": ["a", "b\x07"]},
        {"classes": {1: "a\nb"}},
        {"splits": ["train", "test\t"]},
    ],
)
def test_a_card_with_control_characters_in_names_is_refused(changes: dict[str, Any]) -> None:
    values = load_card("phantom").model_dump(mode="json") | {"merging": {}, "rare": [], "expected": {}}
    build(DatasetCard, {**values, "classes": {1: "a"}}, "the card")
    with pytest.raises(ConfigError) as caught:
        build(DatasetCard, {**values, "classes": {1: "a"}, **changes}, "the card")
    assert "control character" in str(caught.value)
    assert str(caught.value).isprintable()


def test_a_request_with_control_characters_in_names_is_refused(tmp_path: Path) -> None:
    for changes in ({"overrides": ("method.a=\x1b[31m",)}, {"method": "a\x07"}, {"controls": ("\u202e",)}):
        with pytest.raises(ValueError, match="control character"):
            request(tmp_path, **changes)


def test_a_table_is_read_by_the_csv_module_as_it_was_written() -> None:
    names = ["=cmd()|'/C calc'!A0", 'a,"b"', "x"]
    text = io.StringIO()
    csv.writer(text).writerow(map(csv_cell, names))
    assert [csv_text(cell) for cell in next(csv.reader(io.StringIO(text.getvalue())))] == names
