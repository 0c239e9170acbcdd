"""Leaderboards in a terminal: each value above its interval, controls above a line, methods below it."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from reports.board import Leaderboard, Row
from reports.columns import Column
from reports.floors import details, floor_rows, mixed_columns
from reports.numbers import MISSING, Notes, is_void, number, same, sole_encoder, superscript
from reports.remarks import remarks, subtitle, warnings
from reports.scaling import scalings
from reports.scaling_table import scaling_terminal
from reports.spreads import spread_lines
from reports.verdicts import verdict_text

WIDTH = 140
_GAP = 2


def render_terminal(board: Leaderboard, *, everything: bool = False, width: int = WIDTH) -> RenderableType:
    """Render a board for a terminal of `width` columns; columns that do not fit go to further tables below."""
    columns = list(board.columns) if everything else board.main
    drawing = _Drawing(board, columns)
    lead = drawing.lead()
    room = width - sum(_width(name, cells) for name, cells in lead)
    parts: list[RenderableType] = [Text.assemble((board.title, "bold"), "  ", (subtitle(board, columns), "dim"))]
    parts.extend(Text(line, "bold yellow") for line in warnings(board))
    drawn = [drawing.column(column) for column in columns]
    parts.extend(drawing.table([*lead, *group], len(lead)) for group in _fitting(drawn, room))
    parts.extend(part for scaling in scalings(board) for part in (Text(""), scaling_terminal(scaling)))
    lines = [*drawing.notes.lines(), *remarks(board, columns), *spread_lines(board)]
    if len(columns) < len(board.columns):
        lines.append(f"{len(board.columns) - len(columns)} further columns: use --all to show them")
    return Group(*parts, *(Text(line, "dim") for line in lines), Text(""))


_Drawn = tuple[str, list[Text]]
_STYLES = {"▲": "bold green", "▼": "red"}


class _Drawing:
    """The cells of a board: floors first, then its rows."""

    def __init__(self, board: Leaderboard, columns: Sequence[Column]) -> None:
        self._board = board
        self._sole = bool(sole_encoder(columns))
        self._floors = floor_rows(board, columns)
        self._mixed = mixed_columns(board, columns)
        self.notes = Notes()

    def table(self, columns: Sequence[_Drawn], n_lead: int) -> Table:
        # the box adds one blank between columns and the padding another, together _GAP
        table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
        for index, (heading, _) in enumerate(columns):
            table.add_column(Text(heading), justify="left" if index < n_lead else "right", no_wrap=True)
        rows = self._board.rows
        n_controls = sum(row.is_control for row in rows)
        for index, cells in enumerate(zip(*(cells for _, cells in columns), strict=True)):
            if index < len(self._floors) and not any(cell.plain for cell in cells[n_lead:]):
                continue  # a floor of none of these columns
            last_control = index == len(self._floors) + n_controls - 1 and n_controls < len(rows)
            table.add_row(*cells, end_section=last_control)
        return table

    def lead(self) -> list[_Drawn]:
        """Return the columns that name a row; network and seeds only if rows differ in them."""
        rows = self._board.rows
        above = [Text(floor.name, "dim") for floor in self._floors]
        blank = [Text("")] * len(above)
        lead = [("method", above + [_name(row) for row in rows])]
        if not same([row.downstream for row in rows if row.downstream]):
            lead.append(("network", blank + [Text(row.downstream) for row in rows]))
        if not same([row.seeds for row in rows]):
            lead.append(("seeds", blank + [Text(str(row.seeds)) for row in rows]))
        return lead

    def column(self, column: Column) -> _Drawn:
        """Return a column; the one that is tested has the verdicts below its intervals."""
        written = [floor.cells.get(column, ("", "")) for floor in self._floors]
        above = [Text(value + (f"\n{range_}" if range_ else ""), "dim") for value, range_ in written]
        cells = above + [self._cell(index, row, column) for index, row in enumerate(self._board.rows)]
        return "\n".join(column.heading(with_encoder=not self._sole)), cells

    def _cell(self, index: int, row: Row, column: Column) -> Text:
        if is_void(row, column):
            return Text("")
        cell = row.cells.get(column)
        letter = superscript(self.notes.cell(cell))
        if cell is None or cell.value is None:
            return Text.assemble(MISSING, (letter, "dim"))
        mark = self._board.mark(index, column)
        style = _STYLES.get(mark, "bold green" if self._board.is_best(index, column) else "")
        text = Text.assemble((mark + number(cell.value, column), style), (letter, "dim"))
        more = details(cell, column, self._mixed)
        text.append("".join(f"\n{line}" for line in more), "dim")
        words = verdict_text(self._board, index) if column == self._board.primary else []
        return text.append("".join(f"\n{word}" for word in words))


def _name(row: Row) -> Text:
    text = Text(row.title, "" if row.is_control or row.leak else "bold")
    return text.append(f"\n{row.warning}", "yellow") if row.warning else text


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
