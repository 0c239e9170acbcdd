"""The range of an axis: what charts leave out when one control is far from everything else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from reports.board import BASELINE, Cell, Row
from reports.columns import Column

_FAR = 1.5
"""A control may make a range this many times as long; one that is further away is drawn at its edge."""


def cells_of(rows: Iterable[Row], column: Column) -> list[tuple[Row, Cell]]:
    """Return the rows that have a number in a column, with its cell."""
    found = [(row, row.cells[column]) for row in rows if column in row.cells]
    return [(row, cell) for row, cell in found if cell.value is not None]


def extent_of(cells: Sequence[tuple[Row, Cell]], column: Column, extra: Iterable[float] = ()) -> tuple[float, float]:
    """Return the range of shown values and bounds, multiplied by the factor at which numbers are shown.

    The baseline counts like methods. Other controls count only if they and their intervals are near these; others are
    drawn at the edge.
    """
    near = [cell for row, cell in cells if not row.is_control or row.method == BASELINE] or [cell for _, cell in cells]
    shown = [one for cell in near for one in _ends(cell)] + [one / column.scale for one in extra]
    low, high = min(shown), max(shown)
    for ends in (_ends(cell) for row, cell in cells if row.is_control):
        if max(high, *ends) - min(low, *ends) <= _FAR * (high - low):
            low, high = min(low, *ends), max(high, *ends)
    room = 0.04 * (high - low) or 0.05 * abs(high) or 0.05
    return (low - room) * column.scale, (high + room) * column.scale


def _ends(cell: Cell) -> list[float]:
    return [one for one in (cell.value, cell.low, cell.high) if one is not None]
