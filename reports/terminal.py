"""Leaderboards in a terminal: each value above its interval, controls above a line, methods below it."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

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
    same,
    sole_encoder,
    subtitle,
    superscript,
)
from reports.scaling import scalings
from reports.scaling_table import scaling_terminal
from reports.spreads import spread_lines

WIDTH = 140
_GAP = 2


def render_terminal(board: Leaderboard, *, everything: bool = False, width: int = WIDTH) -> RenderableType:
    """Render a board for a terminal of `width` columns; columns that do not fit go to further tables below."""
    columns = list(board.columns) if everything else board.main
    sole = bool(sole_encoder(columns))
    notes = Notes()
    lead = _lead(board)
    drawn = [("\n".join(c.heading(with_encoder=not sole)), _column(board, c, notes)) for c in columns]
    room = width - sum(_width(name, cells) for name, cells in lead)
    parts: list[RenderableType] = [Text.assemble((board.title, "bold"), "  ", (subtitle(board, columns), "dim"))]
    parts.extend(_table(board, [*lead, *group], len(lead)) for group in _fitting(drawn, room))
    parts.extend(part for scaling in scalings(board) for part in (Text(""), scaling_terminal(scaling)))
    lines = [*notes.lines(), *remarks(board), *spread_lines(board)]
    if len(columns) < len(board.columns):
        lines.append(f"{len(board.columns) - len(columns)} further columns: use --all to show them")
    return Group(*parts, *(Text(line, "dim") for line in lines), Text(""))


_Drawn = tuple[str, list[Text]]


def _table(board: Leaderboard, columns: Sequence[_Drawn], n_lead: int) -> Table:
    # the box adds one blank between columns and the padding another, together _GAP
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for index, (heading, _) in enumerate(columns):
        table.add_column(Text(heading), justify="left" if index < n_lead else "right", no_wrap=True)
    n_floors = len(floors(board, board.columns))
    n_controls = sum(row.is_control for row in board.rows)
    for index, cells in enumerate(zip(*(cells for _, cells in columns), strict=True)):
        last_control = index == n_floors + n_controls - 1 and n_controls < len(board.rows)
        table.add_row(*cells, end_section=last_control)
    return table


def _lead(board: Leaderboard) -> list[_Drawn]:
    """Return the columns that name a row; network and seeds only if rows differ in them."""
    sizes = [n for n, _ in floors(board, board.columns)]
    above = [Text(floor_name(n, len(sizes)), "dim") for n in sizes]
    blank = [Text("")] * len(above)
    lead = [("method", above + [Text(row.title, "" if row.is_control else "bold") for row in board.rows])]
    if not same([row.downstream for row in board.rows if row.downstream]):
        lead.append(("network", blank + [Text(row.downstream) for row in board.rows]))
    if not same([row.seeds for row in board.rows]):
        lead.append(("seeds", blank + [Text(str(row.seeds)) for row in board.rows]))
    return lead


def _column(board: Leaderboard, column: Column, notes: Notes) -> list[Text]:
    """Return a column's cells: floors first, then the rows."""
    values = [floor.get(column) for _, floor in floors(board, board.columns)]
    above = [Text("" if value is None else number(value, column), "dim") for value in values]
    return above + [_cell(board, index, row, column, notes) for index, row in enumerate(board.rows)]


def _cell(board: Leaderboard, index: int, row: Row, column: Column, notes: Notes) -> Text:
    if is_void(row, column):
        return Text("")
    cell = row.cells.get(column)
    letter = superscript(notes.cell(cell))
    if cell is None or cell.value is None:
        return Text.assemble(MISSING, (letter, "dim"))
    best = index in board.best.get(column, ())
    verdict = board.verdicts.get((index, column), 0)
    mark, style = {1: ("▲", "bold green"), -1: ("▼", "red")}.get(verdict, ("", "bold green" if best else ""))
    text = Text.assemble((mark + number(cell.value, column), style), (letter, "dim"))
    range_ = interval(cell, column)
    return text.append(f"\n{range_}", "dim") if range_ else text


def _width(heading: str, cells: Sequence[Text]) -> int:
    lines = [heading, *(cell.plain for cell in cells)]
    return max(len(line) for text in lines for line in text.split("\n")) + _GAP


def _fitting(columns: Sequence[_Drawn], room: int) -> list[list[_Drawn]]:
    """Divide columns into runs that fit next to the names."""
    groups: list[list[_Drawn]] = [[]]
    used = 0
    for column in columns:
        needed = _width(*column)
        if groups[-1] and used + needed > room:
            groups.append([])
            used = 0
        groups[-1].append(column)
        used += needed
    return groups
