"""The leaderboard as tables of a tracking server: one row per arm, and one row per number with its interval."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bench.tracking.headline import headline
from bench.tracking.names import metric_name

if TYPE_CHECKING:
    from reports.board import Cell, Leaderboard
    from reports.columns import Column

Columns = dict[str, list[Any]]


def arms(board: Leaderboard) -> Columns:
    """Return the leaderboard with one row per arm: a number with its interval in each cell."""
    from reports.verdicts import verdict_text

    table: Columns = {"arm": [], "network": [], "verdict": []}
    shown = headline(board)
    for index, row in enumerate(board.rows):
        table["arm"].append(" ".join(part for part in (row.warning, row.title) if part))
        table["network"].append(row.downstream)
        table["verdict"].append(", ".join(verdict_text(board, index)))
        for column in shown:
            table.setdefault(metric_name(column), []).append(cell_text(row.cells.get(column), column))
    return table


def numbers(board: Leaderboard, arm: int | None = None) -> Columns:
    """Return every number of a board, or of one arm, with its interval, its floor and why it may be missing."""
    names = ("arm", "network", "metric", "kind", "value", "low", "high", "n", "groups", "floor", "reason")
    table: Columns = {name: [] for name in names}
    for index, row in enumerate(board.rows):
        for column, cell in row.cells.items() if arm in (None, index) else ():
            found = (row.title, row.downstream, column.score_name, column.kind, cell.value, cell.low, cell.high)
            for name, value in zip(names, (*found, cell.n, cell.n_groups, cell.floor, cell.reason), strict=True):
                table[name].append(value)
    return table


def cell_text(cell: Cell | None, column: Column) -> str:
    """Return a number with its interval in the unit of the metric, `0.384 [0.352, 0.411]`; empty if there is none."""
    if cell is None or cell.value is None:
        return ""
    sign = "+" if column.signed else ""
    value = f"{cell.value:{sign}.4g}"
    if cell.low is None or cell.high is None:
        return value
    return f"{value} [{cell.low:{sign}.3g}, {cell.high:{sign}.3g}]"
