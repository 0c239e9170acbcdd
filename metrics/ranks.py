"""Intervals of the ranks of several arms that hold together, from the tests of all pairs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from metrics.uncertainty import holm


@dataclass(frozen=True)
class RankInterval:
    """The rank of an arm, 1 for the best, and the bounds of its interval."""

    rank: int
    low: int
    high: int


def rank_intervals(
    values: Mapping[str, float],
    p_values: Mapping[tuple[str, str], float],
    *,
    higher_is_better: bool,
    level: float = 0.95,
) -> dict[str, RankInterval]:
    """Return the rank of each arm with its interval; with a probability of `level`, all intervals hold.

    Args:
        values: the number of each arm; arms whose number is NaN have no rank.
        p_values: two-sided p-value of the difference of every pair of arms, in either order; NaN if there is none.
        higher_is_better: whether the largest number is the best.
        level: coverage of all intervals together.

    The p-values of all pairs are corrected together (Holm 1979). An arm's rank is at best 1 + the number of arms that
    are significantly better, and at worst the number of arms minus those that are significantly worse (Mogstad,
    Romano, Shaikh & Wilhelm, Review of Economic Studies 2024, §3). Arms that are equal share the better rank.

    >>> p = {("a", "b"): 0.4, ("a", "c"): 0.001, ("b", "c"): 0.002}
    >>> found = rank_intervals({"a": 0.8, "b": 0.7, "c": 0.2}, p, higher_is_better=True)
    >>> [(each.rank, each.low, each.high) for each in found.values()]
    [(1, 1, 2), (2, 1, 2), (3, 3, 3)]
    """
    sign = 1 if higher_is_better else -1
    scores = {name: sign * value for name, value in values.items() if not np.isnan(value)}
    pairs = list(combinations(scores, 2))
    adjusted = holm([p_values[pair] if pair in p_values else p_values[pair[::-1]] for pair in pairs])
    better, worse = dict.fromkeys(scores, 0), dict.fromkeys(scores, 0)
    for pair, p in zip(pairs, adjusted, strict=True):
        if p <= 1 - level:
            low, high = sorted(pair, key=scores.__getitem__)
            better[low] += 1
            worse[high] += 1
    return {
        name: RankInterval(
            1 + sum(other > score for other in scores.values()), 1 + better[name], len(scores) - worse[name]
        )
        for name, score in scores.items()
    }
