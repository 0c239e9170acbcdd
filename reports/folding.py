"""Wide tables as several tables below each other, divided between groups of columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from reports.sheet import Block, Entry, SheetColumn

GAP = 2
"""Blanks between two columns."""
Width = Callable[[SheetColumn], int]


def fold(blocks: Sequence[Block], room: int, width: Width) -> list[list[Block]]:
    """Divide blocks into tables of at most `room` characters; a block is divided only if it fits into no table.

    Args:
        blocks: the groups of columns, in their order.
        room: characters next to the names of the rows.
        width: the characters that a column takes, without the gap after it.
    """
    tables: list[list[Block]] = [[]]
    used = 0
    for part in (part for block in blocks for part in _divided(block, room, width)):
        needed = block_width(part, width)
        if tables[-1] and used + needed > room:
            tables.append([])
            used = 0
        tables[-1].append(part)
        used += needed
    return tables


def block_width(block: Block, width: Width) -> int:
    """Return the characters that a block takes with its gaps: at least its title."""
    return max(sum(width(column) + GAP for column in block.columns), len(block.title) + GAP)


def stacked_width(column: SheetColumn) -> int:
    """Return the width of a column whose details stand below its numbers."""
    cells = [part for entry in (*column.floors, *column.entries) for part in (_value(entry), *entry.more)]
    return max(map(len, [*_heading(column), *cells]))


def _divided(block: Block, room: int, width: Width) -> list[Block]:
    runs: list[list[SheetColumn]] = [[]]
    for column in block.columns:
        if runs[-1] and block_width(Block("", [*runs[-1], column]), width) > room:
            runs.append([])
        runs[-1].append(column)
    return [Block(block.title, run) for run in runs if run]


def _heading(column: SheetColumn) -> list[str]:
    first, *rest = column.heading
    return [first + column.letters, *rest]


def _value(entry: Entry) -> str:
    return entry.mark + entry.text + entry.letters


def used_floors(floors: Sequence[str], blocks: Sequence[Block]) -> list[int]:
    """Return the places of the floors that a table of these blocks shows: those of its columns."""
    columns = [column for block in blocks for column in block.columns]
    return [index for index in range(len(floors)) if any(column.floors[index].text for column in columns)]
