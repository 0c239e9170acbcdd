"""Leaderboards in Markdown: for readmes, issues and tracking servers."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bench.harmless import harmless
from reports.board import Leaderboard
from reports.sheet import Entry, SheetColumn, line, sheet_of

_MEANINGFUL = re.compile(r"[\\|_*`]|<(?=[A-Za-z/!?])|(?<=\])\(")
"""What begins or ends a cell, emphasis, code, a tag or the address of a link."""
_BREAK = re.compile(r"\s*[\r\n]\s*")


def render_markdown(board: Leaderboard, *, everything: bool = False) -> str:
    """Return a board as a Markdown table; scores that may be called the best are bold."""
    sheet = sheet_of(board, everything=everything)
    lead = [] if sheet.networks is None else [sheet.networks]
    columns = [*lead, *(column for block in sheet.blocks for column in block.columns)]
    lines = [
        f"### {escape(sheet.title)}",
        "",
        *(part for warning in sheet.warnings for part in (f"**{escape(warning)}**", "")),
        table_line(["method", *map(_heading, columns)]),
        table_line(["---", *("---" if column.words else "---:" for column in columns)]),
    ]
    for index, name in enumerate(sheet.floors):
        lines.append(table_line([f"*{name}*", *(_floor(column.floors[index]) for column in columns)]))
    for index, row in enumerate(sheet.rows):
        named = " ".join(part for part in (escape(row.title), escape(row.warning)) if part)
        lines.append(table_line([named, *(_cell(column.entries[index]) for column in columns)]))
    notes = [f"{note.letter}  {note.text}" for note in sheet.footnotes]
    said = (sheet.subtitle, *notes, *sheet.remarks)
    return "\n".join([*lines, "", *(f"- {escape(text)}" for text in said if text), ""])


def _heading(column: SheetColumn) -> str:
    return escape(" ".join(column.heading)) + _raised(column.letters)


def _floor(entry: Entry) -> str:
    return f"*{entry.text}{line(entry)}*" if entry.text else ""


def _cell(entry: Entry) -> str:
    value = f"**{entry.text}**" if entry.best else escape(entry.text)
    return (f"{entry.mark} " if entry.mark else "") + value + _raised(entry.letters) + line(entry)


def _raised(letters: str) -> str:
    return f"<sup>{letters}</sup>" if letters else ""


def table_line(cells: Sequence[str]) -> str:
    """Return one line of a Markdown table."""
    return "| " + " | ".join(cells) + " |"


def escape(text: str) -> str:
    """Return a text of one line whose characters have no meaning in Markdown, and none on a terminal."""
    return _MEANINGFUL.sub(r"\\\g<0>", harmless(_BREAK.sub(" ", text)))
