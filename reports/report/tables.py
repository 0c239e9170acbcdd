"""Boards as tables of a page: page-wide columns first, and all others by what they are about."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from reports.board import Cell, Leaderboard, Row
from reports.columns import Column
from reports.floors import details, floor_rows, mixed_columns
from reports.numbers import MISSING, Notes, is_void, number, same, sole_encoder
from reports.remarks import subtitle
from reports.spreads import spread_lines
from reports.verdicts import verdict_text

_GROUPS = {
    "sets": "Distances between sets of images",
    "memorisation": "Memorisation",
    "alignment": "Alignment with captions",
    "faithfulness": "Faithfulness to the mask",
    "reconstruction": "Reconstruction",
    "selection": "Selection from a pool",
    "instances": "Nuclei: segmentation",
    "types": "Nuclei: detection and types",
    "images": "Classification of images",
    "cost": "Costs",
    "other": "Other metrics",
}


class Heading(NamedTuple):
    """The heading of a column: its lines, and what the metric is in words."""

    lines: Sequence[str]
    about: str = ""


class Written(NamedTuple):
    """One number as it is written: the value, what stands below it, its remark's letter, and how it is set off."""

    value: str
    below: Sequence[str] = ()
    note: str = ""
    css: str = ""


class Line(NamedTuple):
    """One row of a table: what names it, and its numbers."""

    leads: Sequence[str]
    cells: Sequence[Written]
    css: str = ""
    warning: str = ""


class BoardTable(NamedTuple):
    """A board as a table; floors of real images come first, then controls, then methods."""

    title: str
    about: str
    leads: Sequence[str]
    headings: Sequence[Heading]
    lines: Sequence[Line]
    notes: Sequence[tuple[str, str]]


def main_table(board: Leaderboard) -> BoardTable:
    """Return the page-wide table of a board, the difference that is tested first."""
    first = (board.primary, board.primary_score)
    columns = sorted(board.main, key=lambda column: first.index(column) if column in first else len(first))
    return _table(board, columns, board.title)


def further_tables(board: Leaderboard) -> list[BoardTable]:
    """Return tables of the columns that the page-wide one does not show, by what they are about."""
    shown = set(board.main)
    groups: dict[str, list[Column]] = {}
    for column in board.columns:
        if column not in shown:
            groups.setdefault(_group(column), []).append(column)
    return [_table(board, groups[name], title) for name, title in _GROUPS.items() if name in groups]


def _group(column: Column) -> str:
    if column.kind == "cost":
        return "cost"
    return "other" if column.about is None else column.about.group


def _table(board: Leaderboard, columns: Sequence[Column], title: str) -> BoardTable:
    sole, notes = bool(sole_encoder(columns)), Notes()
    lead, names = _leads(board)
    mixed = mixed_columns(board, columns)
    blank = [""] * (len(lead) - 1)
    lines = [
        Line([floor.name, *blank], [_floor(floor.cells.get(column)) for column in columns], "floor")
        for floor in floor_rows(board, columns)
    ]
    for index, row in enumerate(board.rows):
        cells = [_cell(board, index, column, notes, mixed) for column in columns]
        if any(cell.value for cell in cells) or not row.is_control:
            lines.append(Line(names[index], cells, "control" if row.is_control else "method", row.warning))
    headings = [Heading(column.heading(with_encoder=not sole), _words(column)) for column in columns]
    return BoardTable(
        title, subtitle(board, columns), lead, headings, lines, [*_lettered(notes), *_spreads(board, columns)]
    )


def _lettered(notes: Notes) -> list[tuple[str, str]]:
    return [(notes.mark(text), text) for text in notes.texts]


def _spreads(board: Leaderboard, columns: Sequence[Column]) -> list[tuple[str, str]]:
    return [("", line) for line in spread_lines(board)] if board.primary in columns else []


def _leads(board: Leaderboard) -> tuple[list[str], list[list[str]]]:
    """Return the headings that name a row, and the texts of each row; network and seeds only if rows differ."""
    lead, names = ["method"], [[row.title] for row in board.rows]
    for heading, values in (
        ("network", [row.downstream for row in board.rows]),
        ("seeds", [str(row.seeds or "") for row in board.rows]),
    ):
        if not same([value for value in values if value]):
            lead.append(heading)
            names = [[*texts, value] for texts, value in zip(names, values, strict=True)]
    return lead, names


def _words(column: Column) -> str:
    if column.about is None:
        return column.name
    kind = "difference from real-only in " if column.signed else ""
    better = {"higher": "; higher is better", "lower": "; lower is better"}.get(column.direction, "")
    return f"{kind}{column.about.title}{f' of {column.class_}' if column.class_ else ''}{better}"


def _floor(written: tuple[str, str] | None) -> Written:
    return Written("") if written is None else Written(written[0], [written[1]] if written[1] else [])


def _cell(board: Leaderboard, index: int, column: Column, notes: Notes, mixed: Collection[Column]) -> Written:
    row: Row = board.rows[index]
    if is_void(row, column):
        return Written("")
    cell: Cell | None = row.cells.get(column)
    letter = notes.cell(cell)
    if cell is None or cell.value is None:
        return Written(MISSING, note=letter)
    mark = board.mark(index, column)
    below = [*details(cell, column, mixed), *(verdict_text(board, index) if column == board.primary else [])]
    css = {"▲": "better", "▼": "worse"}.get(mark, "best" if board.is_best(index, column) else "")
    return Written(f"{mark} {number(cell.value, column)}".strip(), below, letter, css)
