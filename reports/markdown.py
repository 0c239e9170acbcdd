"""Leaderboards in Markdown: for readmes, issues and tracking servers."""

from __future__ import annotations

from collections.abc import Sequence

from reports.board import Leaderboard, Row
from reports.columns import Column
from reports.numbers import (
    MISSING,
    Notes,
    floor_name,
    floors,
    interval,
    is_void,
    number,
    remarks,
    sole_encoder,
    subtitle,
)
from reports.spreads import spread_lines


def render_markdown(board: Leaderboard, *, everything: bool = False) -> str:
    """Return a board as a Markdown table; the best value of a column is bold if it may be marked."""
    columns = list(board.columns) if everything else board.main
    sole = bool(sole_encoder(columns))
    notes = Notes()
    headings = [escape(" ".join(column.heading(with_encoder=not sole))) for column in columns]
    lines = [
        f"### {escape(board.title)}",
        "",
        table_line(["method", "network", "seeds", *headings]),
        table_line(["---", "---", "---:", *("---:" for _ in columns)]),
    ]
    known = floors(board, columns)
    for n, values in known:
        written = [f"*{number(values[column], column)}*" if column in values else "" for column in columns]
        lines.append(table_line([f"*{floor_name(n, len(known))}*", "", "", *written]))
    for index, row in enumerate(board.rows):
        cells = [_cell(board, index, row, column, notes) for column in columns]
        lines.append(table_line([escape(row.title), row.downstream, str(row.seeds), *cells]))
    below = [line for line in (subtitle(board, columns), *notes.lines(), *remarks(board), *spread_lines(board)) if line]
    return "\n".join([*lines, "", *(f"- {escape(line)}" for line in below), ""])


def _cell(board: Leaderboard, index: int, row: Row, column: Column, notes: Notes) -> str:
    if is_void(row, column):
        return ""
    cell = row.cells.get(column)
    letter = notes.cell(cell)
    raised = f"<sup>{letter}</sup>" if letter else ""
    if cell is None or cell.value is None:
        return MISSING + raised
    mark = {1: "▲ ", -1: "▼ "}.get(board.verdicts.get((index, column), 0), "")
    value = number(cell.value, column)
    value = f"**{value}**" if index in board.best.get(column, ()) else value
    range_ = interval(cell, column)
    return mark + value + raised + (f" ({range_})" if range_ and range_[0] != "[" else range_ and f" {range_}")


def table_line(cells: Sequence[str]) -> str:
    """Return one line of a Markdown table."""
    return "| " + " | ".join(cells) + " |"


def escape(text: str) -> str:
    """Return a text whose characters have no meaning in Markdown."""
    return text.replace("|", "\\|").replace("_", "\\_").replace("*", "\\*")
