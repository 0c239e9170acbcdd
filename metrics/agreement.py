"""How well two orders of the same arms agree, on one board or on several."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from scipy.special import stdtr, stdtrit

from bench.errors import DataError

FEWEST_ARMS = 5
"""With fewer arms than this, there is no interval: no order of four arms is improbable enough by chance."""

Board = Mapping[str, tuple[float, float]]
"""The two numbers of each arm of a board, by the name of the arm."""


@dataclass(frozen=True)
class Agreement:
    """Kendall's τ-b over boards (-1 to 1), with its interval over arms; without one (NaN), `reason` says why.

    `n` is the number of different arms, `boards` that of boards with at least two of them, and `p` the p-value of no
    agreement.
    """

    tau: float
    low: float
    high: float
    p: float
    n: int
    boards: int
    reason: str = ""


def rank_agreement(boards: Sequence[Board], *, level: float = 0.95) -> Agreement:
    """Return how well the order of arms by one number agrees with that by another, within boards.

    Args:
        boards: the two finite numbers of each arm, on each board. Arms of one name are the same arm on all boards.
        level: coverage of the interval.

    Pairs of arms are compared within a board only. On one board, τ-b is (C - D) / √(P₁ P₂) with C pairs in the same
    order, D in opposite orders, and P₁ and P₂ pairs that are not tied in the one and in the other number (Kendall,
    Biometrika 1945). Over boards, it is the sum of numerators over the sum of denominators, so that a board counts by
    its pairs. 1 means the same order, -1 the opposite one.

    The arms are the units that were drawn, and an arm is drawn on all of its boards together. The variance is that of
    the jackknife over arms, plus 1 / n², without which a perfect order, whose τ no arm changes, would have an interval
    of no width. The interval is τ ± t(n - 1) times its root, cut off at -1 and 1. The p-value is of the same statistic,
    but not below the probability that chance gives a perfect agreement, which is 2 / n! on one board of n arms. On
    several boards it is 2 over the number of orders that they can have together, at most the product of their n!; if
    that number is smaller than 5!, there is no interval. How often the interval is right is simulated in
    `tests/statistics`.

    Raises:
        DataError: a number is not finite.

    >>> found = rank_agreement([{"a": (1, 10), "b": (2, 20), "c": (3, 30), "d": (4, 50), "e": (5, 40)}])
    >>> round(found.tau, 2), round(found.low, 2), round(found.high, 2), found.n
    (0.8, -0.26, 1.0, 5)
    """
    odd = [name for board in boards for name, pair in board.items() if not np.isfinite(pair).all()]
    if odd:
        raise DataError("Numbers of arms must be finite", got=f"another number of {odd[0]}", fix="leave the arm out")
    used = [board for board in boards if len(board) > 1]
    names = sorted({name for board in boards for name in board})
    if not used:
        reason = "no board has two of them"
        return Agreement(math.nan, math.nan, math.nan, math.nan, len(names), 0, reason)
    names = sorted({name for board in used for name in board})
    signs = [_signs(board, names) for board in used]
    tau = _tau(signs, np.ones(len(names), bool))
    if math.isnan(tau):
        reason = "all have the same number"
        return Agreement(tau, math.nan, math.nan, math.nan, len(names), len(used), reason)
    if len(names) < FEWEST_ARMS:
        few = f"fewer than {FEWEST_ARMS} of them"
        return Agreement(tau, math.nan, math.nan, math.nan, len(names), len(used), few)
    orders = min(math.factorial(len(names)), math.prod(math.factorial(len(board)) for board in used))
    if orders < math.factorial(FEWEST_ARMS):
        few = f"boards of so few of them agree by chance: {orders} orders, {math.factorial(FEWEST_ARMS)} are needed"
        return Agreement(tau, math.nan, math.nan, math.nan, len(names), len(used), few)
    without = np.array([_tau(signs, np.arange(len(names)) != place) for place in range(len(names))])
    if np.isnan(without).any():
        reason = "without one of them, all others have the same number"
        return Agreement(tau, math.nan, math.nan, math.nan, len(names), len(used), reason)
    return _with_interval(tau, without, len(used), level, orders)


def _with_interval(
    tau: float, without: Float64[np.ndarray, " arms"], boards: int, level: float, orders: int
) -> Agreement:
    n = len(without)
    variance = (n - 1) / n * float(((without - without.mean()) ** 2).sum()) + 1 / n**2
    se = math.sqrt(variance)
    half = float(stdtrit(n - 1, (1 + level) / 2)) * se
    p = max(2 * float(stdtr(n - 1, -abs(tau) / se)), 2 / orders)
    return Agreement(tau, max(tau - half, -1.0), min(tau + half, 1.0), p, n, boards)


def _signs(board: Board, names: Sequence[str]) -> Float64[np.ndarray, "2 arms arms"]:
    """Return the order of every pair of arms in both numbers: -1, 0 or 1; NaN if the board lacks one of them."""
    values = np.array([board.get(name, (math.nan, math.nan)) for name in names], dtype=np.float64).T
    return np.asarray(np.sign(values[:, :, None] - values[:, None, :]))


def _tau(signs: Sequence[Float64[np.ndarray, "2 arms arms"]], kept: np.ndarray) -> float:
    """Return τ-b of some arms, over boards; NaN if no pair is untied in both numbers."""
    numerator = denominator = 0.0
    for first, second in signs:
        there = ~np.isnan(first) & kept[:, None] & kept[None, :]
        numerator += float((first[there] * second[there]).sum())
        denominator += math.sqrt(float(np.abs(first[there]).sum()) * float(np.abs(second[there]).sum()))
    return numerator / denominator if denominator else math.nan
