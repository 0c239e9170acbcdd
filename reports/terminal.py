"""Leaderboards in a terminal: each value above its interval, controls above a line, methods below it."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from reports.board import Leaderboard, Row
from reports.folding import GAP, block_width, fold, stacked_width, used_floors
from reports.numbers import superscript
from reports.scaling import scalings
from reports.scaling_table import scaling_terminal
from reports.sheet import Block, Entry, Sheet, sheet_of

WIDTH = 140
_SHORTEST_NAMES = 24
_STYLES = {"▲": "bold cyan", "▼": "bold yellow"}


def render_terminal(board: Leaderboard, *, everything: bool = False, width: int = WIDTH) -> RenderableType:
    """Render a board for a terminal of `width` columns; groups of columns that do not fit go to tables below."""
    sheet = sheet_of(board, everything=everything)
    longest = max(_SHORTEST_NAMES, width // 4)
    lead = _names(sheet, longest)
    used = max(len(line) for text in lead for line in text.plain.split("\n")) + GAP
    used += 0 if sheet.networks is None else stacked_width(sheet.networks) + GAP
    parts: list[RenderableType] = [_above(sheet, width)]
    parts.extend(Text(line, "bold yellow") for line in sheet.warnings)
    for blocks in fold(sheet.blocks, width - used, stacked_width):
        parts.extend([_titles(blocks, used)] if len(sheet.blocks) > 1 else [])
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


def _names(sheet: Sheet, longest: int) -> list[Text]:
    """Return the names of floors and rows, long ones on several lines."""
    floors = [Text(textwrap.fill(name, longest), "dim") for name in sheet.floors]
    return [Text("method"), *floors, *(_name(row, longest) for row in sheet.rows)]


def _name(row: Row, longest: int) -> Text:
    text = Text(textwrap.fill(row.title, longest), "" if row.is_control or row.leak else "bold")
    return text.append("\n" + textwrap.fill(row.warning, longest), "yellow") if row.warning else text


def _titles(blocks: Sequence[Block], used: int) -> Text:
    """Return the line of the titles of groups, each above its columns."""
    widths = [block_width(block, stacked_width) - GAP for block in blocks]
    drawn = [f"{block.title} ".ljust(n, "─")[:n] for block, n in zip(blocks, widths, strict=True)]
    return Text(" " * used + (" " * GAP).join(drawn), "dim italic")


def _table(sheet: Sheet, lead: Sequence[Text], blocks: Sequence[Block]) -> Table:
    # the box adds one blank between columns and the padding another, together GAP
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column(lead[0], no_wrap=True)
    first = [] if sheet.networks is None else [sheet.networks]
    columns = [*first, *(column for block in blocks for column in block.columns)]
    wider = {id(block.columns[-1]): _lacking(block) for block in blocks}
    for column in columns:
        table.add_column(
            Text("\n".join([column.heading[0] + superscript(column.letters), *column.heading[1:]])),
            justify="left" if column.words else "right",
            no_wrap=True,
            min_width=stacked_width(column) + wider.get(id(column), 0),
        )
    n_floors, n_controls = len(sheet.floors), sheet.n_controls
    for index in used_floors(sheet.floors, blocks):
        table.add_row(lead[1 + index], *(_cell(column.floors[index], "dim") for column in columns))
    for index in range(len(sheet.rows)):
        last_control = index == n_controls - 1 and n_controls < len(sheet.rows)
        cells = [_cell(column.entries[index]) for column in columns]
        table.add_row(lead[1 + n_floors + index], *cells, end_section=last_control)
    return table


def _lacking(block: Block) -> int:
    """Return by how much the title of a block is wider than its columns."""
    return block_width(block, stacked_width) - block_width(Block("", block.columns), stacked_width)


def _cell(entry: Entry, style: str = "") -> Text:
    style = _STYLES.get(entry.mark, "bold" if entry.best else style)
    text = Text.assemble((entry.mark + entry.text, style), (superscript(entry.letters), "dim"))
    return text.append("".join(f"\n{line}" for line in entry.more), "dim")
