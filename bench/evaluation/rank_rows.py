"""Rows of ranks: the place of each arm among all arms of a table, with intervals that hold together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

from bench.evaluation.row_maker import Rows
from bench.plan.arms import Arm
from bench.results.table import ScoreRow

if TYPE_CHECKING:
    from metrics.entry import Metric

METHOD = "all pairs"
"""What the interval of a rank is computed from: the tests of all pairs of arms, with Holm's correction."""
UNDEFINED = "the metric is undefined, so the arm has no rank"


def rank_rows(
    arms: Sequence[tuple[Arm, Mapping[str, int]]],
    values: Sequence[float],
    p_value: Callable[[int, int], float],
    metric: Metric,
    columns: Mapping[str, Any],
    rows: Rows,
) -> Iterator[ScoreRow]:
    """Yield the rank of every arm, 1 for the best, among the arms and the baseline.

    Args:
        arms: the arms, each with the columns of its seeds.
        values: their numbers.
        p_value: the p-value of the difference of two arms, given by their places.
        metric: the metric; there are no ranks if no direction is better.
        columns: the columns that all of these rows share.
        rows: makes the rows.
    """
    from metrics.ranks import rank_intervals

    if metric.direction == "none" or len(arms) < 2:
        return
    names = [str(place) for place in range(len(arms))]
    p_values = {(names[i], names[j]): p_value(i, j) for i, j in combinations(range(len(arms)), 2)}
    ranks = rank_intervals(
        dict(zip(names, values, strict=True)), p_values, higher_is_better=metric.direction == "higher"
    )
    for name, (arm, seeds) in zip(names, arms, strict=True):
        shared = {**columns, **seeds, "kind": "rank", "direction": "lower"}
        if name not in ranks:
            yield rows.row(arm, shared, reason=UNDEFINED)
            continue
        rank = ranks[name]
        yield rows.row(arm, shared, value=rank.rank, ci_low=rank.low, ci_high=rank.high, ci_method=METHOD)
