"""Leaderboards in a terminal: each value above its interval, controls above a line, methods below it."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from itertools import chain

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from reports.board import Leaderboard, Row
from reports.numbers import superscript
from reports.scaling import scalings
from reports.scaling_table import scaling_terminal
from reports.sheet import Block, Entry, Sheet, SheetColumn, sheet_of

WIDTH = 140
_GAP = 2
_SHORTEST_NAMES = 24
_STYLES = {"▲": "bold blue", "▼": "bold yellow"}


def render_terminal(board: Leaderboard, *, everything: bool = False, width: int = WIDTH) -> RenderableType:
    """Render a board for a terminal of `width` columns; groups of columns that do not fit go to tables below."""
    sheet = sheet_of(board, everything=everything)
    lead = _lead(sheet, max(_SHORTEST_NAMES, width // 4))
    room = width - sum(map(_width, lead))
    parts: list[RenderableType] = [_above(sheet, width)]
    parts.extend(Text(line, "bold yellow") for line in sheet.warnings)
    titled = len(sheet.blocks) > 1
    for blocks in _fitting(sheet.blocks, room):
        parts.extend([_titles(blocks, lead)] if titled else [])
        parts.extend([_table(sheet, lead, blocks), Text("")])
    for scaling in scalings(board):
        parts.extend([scaling_terminal(scaling), Text("")])
    return Group(*parts, _below(sheet, board, everything), Text(""))


def _above(sheet: Sheet, width: int) -> Text:
    """Return the title and what all rows share, on one line if it is wide enough."""
    between = "  " if len(sheet.title) + len(sheet.subtitle) + 2 <= width else "\n"
    return Text.assemble((sheet.title, "bold"), between, (sheet.subtitle, "dim"))


def _below(sheet: Sheet, board: Leaderboard, everything: bool) -> RenderableType:
    """Return footnotes with their letters, then remarks with a point, each indented as a whole."""
    table = Table.grid(padding=(0, 1, 0, 0))
    lines = [(note.letter, note.text) for note in sheet.footnotes]
    lines += [("·", remark) for remark in sheet.remarks]
    if not everything and len(board.main) < len(board.columns):
        lines.append(("·", f"{len(board.columns) - len(board.main)} further columns: use --all to show them"))
    for mark, text in lines:
        table.add_row(Text(mark, "dim"), Text(text, "dim"))
    return table


class _Column:
    """A column with its cells as texts: floors first, then the rows of the board."""

    def __init__(self, heading: str, cells: Sequence[Text], *, words: bool = False, least: int = 0) -> None:
        self.heading, self.cells, self.words, self.least = heading, cells, words, least


def _lead(sheet: Sheet, longest: int) -> list[_Column]:
    """Return the columns that name a row, with long names on several lines."""
    names = [Text(textwrap.fill(name, longest), "dim") for name in sheet.floors]
    lead = [_Column("method", names + [_name(row, longest) for row in sheet.rows], words=True)]
    return lead if sheet.networks is None else [*lead, _drawn(sheet.networks)]


def _name(row: Row, longest: int) -> Text:
    text = Text(textwrap.fill(row.title, longest), "" if row.is_control or row.leak else "bold")
    return text.append("\n" + textwrap.fill(row.warning, longest), "yellow") if row.warning else text


def _drawn(column: SheetColumn, least: int = 0) -> _Column:
    first, *rest = column.heading
    heading = "\n".join([first + superscript(column.letters), *rest])
    cells = [_cell(entry, "dim") for entry in column.floors] + [_cell(entry) for entry in column.entries]
    return _Column(heading, cells, words=column.words, least=least)


def _cell(entry: Entry, style: str = "") -> Text:
    style = _STYLES.get(entry.mark, "bold" if entry.best else style)
    text = Text.assemble((entry.mark + entry.text, style), (superscript(entry.letters), "dim"))
    return text.append("".join(f"\n{line}" for line in entry.more), "dim")


def _width(column: _Column) -> int:
    lines = [column.heading, *(cell.plain for cell in column.cells)]
    return max(column.least, *(len(line) for text in lines for line in text.split("\n"))) + _GAP


def _fitting(blocks: Sequence[Block], room: int) -> list[list[tuple[str, list[_Column]]]]:
    """Divide blocks into tables that fit next to the names; a block is divided only if it fits into no table."""
    tables: list[list[tuple[str, list[_Column]]]] = [[]]
    used = 0
    for title, columns in chain.from_iterable(_divided(block, room) for block in blocks):
        needed = sum(map(_width, columns))
        if tables[-1] and used + needed > room:
            tables.append([])
            used = 0
        tables[-1].append((title, columns))
        used += needed
    return tables


def _divided(block: Block, room: int) -> list[tuple[str, list[_Column]]]:
    """Divide the columns of a block into runs that fit; each is as wide as the title above it."""
    runs: list[list[_Column]] = [[]]
    for column in map(_drawn, block.columns):
        if runs[-1] and sum(map(_width, [*runs[-1], column])) > room:
            runs.append([])
        runs[-1].append(column)
    for run in runs:
        run[-1].least = max(0, len(block.title) - sum(map(_width, run[:-1]))) if run else 0
    return [(block.title, run) for run in runs if run]


def _titles(blocks: Sequence[tuple[str, list[_Column]]], lead: Sequence[_Column]) -> Text:
    """Return the line of the titles of groups, each above its columns."""
    text = Text(" " * sum(map(_width, lead)))
    for title, columns in blocks:
        width = sum(map(_width, columns)) - _GAP
        text.append(f"{title} ".ljust(width, "─")[: max(width, len(title))] + " " * _GAP, "dim italic")
    text.rstrip()
    return text


def _table(sheet: Sheet, lead: Sequence[_Column], blocks: Sequence[tuple[str, list[_Column]]]) -> Table:
    # the box adds one blank between columns and the padding another, together _GAP
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    columns = [*lead, *(column for _, run in blocks for column in run)]
    for column in columns:
        table.add_column(
            Text(column.heading),
            justify="left" if column.words else "right",
            no_wrap=True,
            min_width=column.least or None,
        )
    n_floors, n_controls = len(sheet.floors), sheet.n_controls
    for index, cells in enumerate(zip(*(column.cells for column in columns), strict=True)):
        if index < n_floors and not any(cell.plain for cell in cells[len(lead) :]):
            continue  # a floor of none of these columns
        last_control = index == n_floors + n_controls - 1 and n_controls < len(sheet.rows)
        table.add_row(*cells, end_section=last_control)
    return table
