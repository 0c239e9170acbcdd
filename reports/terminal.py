"""Leaderboards on a terminal: value above its interval, controls above a rule, methods below it."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from reports.board import Leaderboard, Row
from reports.columns import Column, main_columns
from reports.numbers import MISSING, Notes, floors, interval, number, remarks, same, subtitle

WIDTH = 140


def render_terminal(board: Leaderboard, *, everything: bool = False, width: int = WIDTH) -> RenderableType:
    """Draw a board for a terminal of `width` columns; what does not fit goes into further tables below."""
    columns = list(board.columns) if everything else main_columns(board.columns, board.rare)
    notes = Notes()
    lead = _lead(board)
    drawn = {column: _column(board, column, notes) for column in columns}
    room = width - sum(max(_widths(cells)) + 2 for cells in lead.values())
    parts: list[RenderableType] = [Text.assemble((board.title, "bold"), "  ", (subtitle(board), "dim"))]
    for group in _fitting(columns, {c: max(_widths(cells)) + 2 for c, cells in drawn.items()}, room):
        parts.append(_table(board, lead, group, drawn))
    hidden = len(board.columns) - len(columns)
    lines = notes.lines() + remarks(board)
    if hidden:
        lines.append(f"{hidden} further columns: --all")
    parts.extend(Text(line, "dim") for line in lines)
    return Group(*parts, Text(""))


def _table(
    board: Leaderboard,
    lead: dict[str, list[Text]],
    columns: Sequence[Column],
    drawn: dict[Column, list[Text]],
) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1), collapse_padding=False)
    for heading in lead:
        table.add_column(Text(heading), no_wrap=True)
    for column in columns:
        table.add_column(Text("\n".join(column.heading)), justify="right", no_wrap=True)
    n_floors = len(floors(board, board.columns))
    n_controls = sum(row.is_control for row in board.rows)
    for index in range(n_floors + len(board.rows)):
        last_control = index == n_floors + n_controls - 1 and n_controls < len(board.rows)
        cells = [cells[index] for cells in lead.values()] + [drawn[column][index] for column in columns]
        table.add_row(*cells, end_section=last_control)
    return table


def _lead(board: Leaderboard) -> dict[str, list[Text]]:
    """Return the columns that name a row; network and seeds only where rows differ."""
    sizes = [n for n, _ in floors(board, board.columns)]
    above = [Text("real vs real" + ("" if n is None else f", n={n}"), "dim") for n in sizes]
    blank = [Text("")] * len(above)
    lead = {"method": above + [Text(row.title, "" if row.is_control else "bold") for row in board.rows]}
    if not same([row.downstream for row in board.rows if row.downstream]):
        lead["network"] = blank + [Text(row.downstream) for row in board.rows]
    if not same([row.seeds for row in board.rows]):
        lead["seeds"] = blank + [Text(str(row.seeds)) for row in board.rows]
    return lead


def _column(board: Leaderboard, column: Column, notes: Notes) -> list[Text]:
    """Return a column's cells: floors first, then the rows."""
    above = [
        Text(number(values[column], column) if column in values else "", "dim")
        for _, values in floors(board, board.columns)
    ]
    cells = [_cell(board, index, row, column, notes) for index, row in enumerate(board.rows)]
    heading = Text("\n".join(column.heading))
    return [*above, *cells, heading]


def _cell(board: Leaderboard, index: int, row: Row, column: Column, notes: Notes) -> Text:
    cell = row.cells.get(column)
    if cell is None and (column.is_distance or column.signed or column.kind == "cost"):
        return Text("")  # an arm without images has no distance, the baseline no difference to itself
    letter = notes.cell(cell)
    if cell is None or cell.value is None:
        return Text.assemble(MISSING, (letter, "dim"))
    verdict = board.verdicts.get((index, column))
    best = index in board.best.get(column, ())
    mark, style = {1: ("▲", "bold green"), -1: ("▼", "red")}.get(
        verdict or 0, ("", "bold green" if best else "")
    )
    text = Text.assemble((mark + number(cell.value, column), style), (letter, "dim"))
    range_ = interval(cell, column)
    return text.append(f"\n{range_}", "dim") if range_ else text


def _widths(cells: Sequence[Text]) -> list[int]:
    return [len(line) for cell in cells for line in cell.plain.split("\n")] or [0]


def _fitting(columns: Sequence[Column], widths: dict[Column, int], room: int) -> list[list[Column]]:
    """Cut columns into runs that fit beside the names."""
    groups: list[list[Column]] = [[]]
    used = 0
    for column in columns:
        if groups[-1] and used + widths[column] > room:
            groups.append([])
            used = 0
        groups[-1].append(column)
        used += widths[column]
    return groups
