"""What a leaderboard may claim: which arm is best, and which arms differ from the baseline."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from metrics.uncertainty import holm
from reports.board import BASELINE, MIN_SEEDS, SIGNIFICANT, Cell, Row
from reports.columns import Column

DIRECTIONS = ("higher", "lower")


def best_rows(rows: Sequence[Row], columns: Sequence[Column]) -> dict[Column, set[int]]:
    """Return the rows to mark as best, by column; of the controls, only the baseline competes.

    A column is marked only if there are at least two competitors and all have a number from at least three seeds.
    """
    best: dict[Column, set[int]] = {}
    for column in columns:
        if column.kind != "score" or column.direction not in DIRECTIONS:
            continue
        for group in _networks(rows):
            group = [i for i in group if column in rows[i].cells and _competes(rows[i])]
            cells = {i: rows[i].cells[column] for i in group}
            values = {i: cell.value for i, cell in cells.items() if cell.value is not None}
            if len(values) < 2 or any(cells[i].seeds < MIN_SEEDS for i in values):
                continue
            top = (max if column.direction == "higher" else min)(values.values())
            best.setdefault(column, set()).update(i for i, value in values.items() if value == top)
    return best


def verdicts(rows: Sequence[Row], columns: Sequence[Column]) -> dict[tuple[int, Column], int]:
    """Return whether each difference from the baseline is better (+1) or worse (-1).

    A difference is included only if the arm and the baseline have at least three seeds, the interval excludes 0, and p
    is below 0.05 both after the run's own Holm correction and after a correction over the arms of this board.
    """
    found = {}
    for column in columns:
        if column.kind != "difference" or column.direction not in DIRECTIONS:
            continue
        for group in _networks(rows):
            cells = {i: rows[i].cells[column] for i in group if column in rows[i].cells}
            adjusted = holm([float("nan") if c.p is None else c.p for c in cells.values()])
            for (i, cell), p in zip(cells.items(), adjusted, strict=True):
                if _differs(cell, p) and _baseline_seeds(rows, group) >= MIN_SEEDS:
                    better = (cell.value or 0.0) > 0
                    found[i, column] = 1 if better == (column.direction == "higher") else -1
    return found


def _differs(cell: Cell, adjusted: float) -> bool:
    if cell.value is None or cell.low is None or cell.high is None or cell.p_holm is None:
        return False
    if cell.seeds < MIN_SEEDS or cell.low <= 0 <= cell.high:
        return False
    return cell.p_holm < SIGNIFICANT and adjusted < SIGNIFICANT


def _competes(row: Row) -> bool:
    return not row.is_control or row.method == BASELINE


def _networks(rows: Sequence[Row]) -> Iterator[list[int]]:
    """Yield the indices of rows that were tested with the same network; only these are compared."""
    for network in dict.fromkeys(row.downstream for row in rows):
        yield [i for i, row in enumerate(rows) if row.downstream == network]


def _baseline_seeds(rows: Sequence[Row], group: Sequence[int]) -> int:
    return max((rows[i].seeds for i in group if rows[i].method == BASELINE), default=0)
