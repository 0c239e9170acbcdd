"""What a leaderboard may claim: which arms differ from the baseline in the primary metric."""

from __future__ import annotations

from collections.abc import Sequence

from metrics.uncertainty import holm
from metrics.verdicts import verdict
from reports.board import BASELINE, MIN_SEEDS, Cell, Leaderboard, Row
from reports.columns import Column


def corrected(rows: Sequence[Row], primary: Column) -> dict[int, float]:
    """Return the p-value of each row's difference from the baseline, corrected over the board, where it is known.

    Holm's correction is over all rows of the board, those with a leak included, since each was an attempt. It is never
    below the correction within the run that wrote the row.
    """
    cells = {i: cell for i, row in enumerate(rows) if (cell := row.cells.get(primary)) and cell.value is not None}
    adjusted = holm([float("nan") if cell.p is None else cell.p for cell in cells.values()])
    pairs = zip(cells.items(), adjusted, strict=True)
    return {i: max(p, cell.p_holm) for (i, cell), p in pairs if p == p and cell.p_holm is not None}


def verdicts(rows: Sequence[Row], primary: Column, smallest_effect: float | None) -> dict[int, str]:
    """Return a word for the difference of each row from the baseline: better, worse, equivalent or undecided.

    Rows with a leak have no verdict. An arm is undecided unless it and the baseline have at least three different
    networks.
    """
    p = corrected(rows, primary)
    found: dict[int, str] = {}
    for i, row in enumerate(rows):
        cell = row.cells.get(primary)
        if cell is None or cell.value is None or row.leak:
            continue
        few = min(cell.distinct, _distinct_baselines(rows, rows[i].downstream)) < MIN_SEEDS
        found[i] = "undecided" if few else _word(cell, p.get(i), primary, smallest_effect)
    return found


def best_rows(board: Leaderboard) -> list[int]:
    """Return the methods to print in bold: better than the baseline, and not distinguishable from the best of them.

    Arms are compared with each other only by their ranks: without ranks, all that are better are printed in bold.
    """
    better = [i for i, word in board.verdicts.items() if word == "better" and not board.rows[i].is_control]
    ranks = {i: board.rank(i) for i in better}
    values = [cell.value for cell in ranks.values() if cell is not None and cell.value is not None]
    return [i for i in better if not values or _reaches(ranks[i], min(values))]


def _reaches(rank: Cell | None, first: float) -> bool:
    return rank is None or rank.low is None or rank.low <= first


def _word(cell: Cell, p: float | None, primary: Column, smallest_effect: float | None) -> str:
    return verdict(cell.value, cell.low, cell.high, p, direction=primary.direction, smallest_effect=smallest_effect)


def _distinct_baselines(rows: Sequence[Row], network: str) -> int:
    found = (row.distinct for row in rows if row.method == BASELINE and row.downstream == network)
    return max(found, default=0)
