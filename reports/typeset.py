"""Tables of a board by great-tables, which sets them in HTML and LaTeX: names, groups of rows and groups of columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import pandas as pd

from reports.board import Row
from reports.folding import used_floors
from reports.sheet import Block, Entry, Sheet, SheetColumn

if TYPE_CHECKING:
    from great_tables import GT

_GROUP, _NAME = "group", "name"
REAL, CONTROLS, METHODS = "real images", "controls", "methods"


class Pen(Protocol):
    """How texts become those of a format, with everything escaped that has a meaning in it."""

    stub: bool
    """Whether names are marked as the headings of rows, which LaTeX separates by a vertical line."""

    def heading(self, column: SheetColumn) -> Any:
        """Return the heading of a column, as great-tables takes it."""

    def floor(self, name: str) -> str:
        """Return the name of a floor."""

    def name(self, row: Row) -> str:
        """Return the name of a row, with what is wrong with it."""

    def entry(self, entry: Entry, *, floor: bool = False) -> str:
        """Return what a cell shows."""


def typeset(sheet: Sheet, blocks: Sequence[Block], pen: Pen, id: str) -> GT:
    """Return a table of some blocks of a sheet; each element of it has an id that begins with `id`."""
    from great_tables import GT

    first = [] if sheet.networks is None else [sheet.networks]
    columns = [*first, *(column for block in blocks for column in block.columns)]
    names = [f"c{index}" for index in range(len(columns))]
    floors = used_floors(sheet.floors, blocks)
    cells: list[list[str]] = []
    for index in floors:
        written = [pen.entry(column.floors[index], floor=True) for column in columns]
        cells.append([REAL, pen.floor(sheet.floors[index]), *written])
    for index, row in enumerate(sheet.rows):
        written = [pen.entry(column.entries[index]) for column in columns]
        cells.append([CONTROLS if row.is_control else METHODS, pen.name(row), *written])
    frame = pd.DataFrame(cells, columns=[_GROUP, _NAME, *names])
    table = GT(frame, id=id, groupname_col=_GROUP, rowname_col=_NAME if pen.stub else None)
    table = table.tab_stubhead("method") if pen.stub else table.cols_label({_NAME: "method"})
    table = table.fmt_passthrough([_NAME, *names], escape=False)
    table = table.cols_label({name: pen.heading(column) for name, column in zip(names, columns, strict=True)})
    table = table.cols_align("left", [_NAME, *names])
    table = table.cols_align("right", [name for name, column in zip(names, columns, strict=True) if not column.words])
    place = len(first)
    for number, block in enumerate(blocks):
        of_block = names[place : place + len(block.columns)]
        table = table.tab_spanner(block.title, of_block, id=f"s{number}")
        place += len(of_block)
    return table
