"""Leaderboards in Markdown: for readmes, issues and tracking servers."""

from __future__ import annotations

from collections.abc import Sequence

from reports.board import Leaderboard, Row
from reports.columns import Column, main_columns
from reports.numbers import MISSING, Notes, floors, interval, number, remarks, subtitle


def render_markdown(board: Leaderboard, *, everything: bool = False) -> str:
    """Write a board as a Markdown table; the best of a column is bold where it may be marked."""
    columns = list(board.columns) if everything else main_columns(board.columns, board.rare)
    notes = Notes()
    lines = [
        f"### {_escape(board.title)}",
        "",
        _line(["method", "network", "seeds", *(_escape(" ".join(column.heading)) for column in columns)]),
        _line(["---", "---", "---:", *("---:" for _ in columns)]),
    ]
    for n, values in floors(board, columns):
        name = "*real vs real*" if n is None else f"*real vs real, n={n}*"
        written = [f"*{number(values[column], column)}*" if column in values else "" for column in columns]
        lines.append(_line([name, "", "", *written]))
    for index, row in enumerate(board.rows):
        cells = [_cell(board, index, row, column, notes) for column in columns]
        lines.append(_line([_escape(row.title), row.downstream, str(row.seeds), *cells]))
    below = [f"- {_escape(line)}" for line in (subtitle(board), *notes.lines(), *remarks(board)) if line]
    return "\n".join([*lines, "", *below, ""])


def _cell(board: Leaderboard, index: int, row: Row, column: Column, notes: Notes) -> str:
    cell = row.cells.get(column)
    if cell is None and (column.is_distance or column.signed or column.kind == "cost"):
        return ""
    letter = notes.cell(cell)
    superscript = f"<sup>{letter}</sup>" if letter else ""
    if cell is None or cell.value is None:
        return MISSING + superscript
    mark = {1: "▲ ", -1: "▼ "}.get(board.verdicts.get((index, column), 0), "")
    value = number(cell.value, column)
    value = f"**{value}**" if index in board.best.get(column, ()) else value
    return " ".join(part for part in (mark + value + superscript, interval(cell, column)) if part)


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _escape(text: str) -> str:
    return text.replace("|", "\\|").replace("_", "\\_").replace("*", "\\*")
