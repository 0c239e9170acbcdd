"""Intervals over seeds as columns of rows, and rows of two spreads: over training and over generation seeds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float64

from bench.evaluation.row_maker import Rows, interval_columns
from bench.evaluation.score import Statistic
from bench.plan.arms import Arm
from bench.plan.seeds import Under, covered, crossed, over
from bench.results.table import ScoreRow

if TYPE_CHECKING:
    from metrics.uncertainty import Difference

OVER_TRAINING, OVER_GENERATION = "sd over training seeds", "sd over generation seeds"
NO_INTERVAL = "no interval: a spread of few seeds"
NEGATIVE = "0, because the estimate of the variance is negative; " + NO_INTERVAL
UNDEFINED = "the metric is undefined under some seeds"


def interval_over_seeds(
    values: Float64[np.ndarray, "seeds n k"],
    seeds: Sequence[Under],
    groups: np.ndarray,
    statistic: Statistic,
    *,
    rng: np.random.Generator,
    n_resamples: int,
) -> dict[str, Any]:
    """Return an arm's value over seeds with its interval over groups and seeds, as columns.

    Args:
        values: statistics under all seeds.
        seeds: the seeds; if each training seed is used with each generation seed, the interval covers both.
        groups: the group of each image.
        statistic: makes the value of summed statistics.
        rng: draws the resamples of groups.
        n_resamples: their number.
    """
    from metrics.crossed import crossed_interval
    from metrics.uncertainty import arm_interval

    shape = crossed(seeds)
    if shape is None:
        columns = interval_columns(arm_interval(values, groups, statistic, rng=rng, n_resamples=n_resamples))
        return {**columns, "ci_method": covered(columns["ci_method"], seeds)}
    cells = values.reshape(*shape, *values.shape[1:])
    return interval_columns(crossed_interval(cells, groups, statistic, rng=rng, n_resamples=n_resamples))


def difference_over_seeds(
    values: Float64[np.ndarray, "seeds n k"],
    seeds: Sequence[Under],
    baseline: Float64[np.ndarray, "seeds_b n k"],
    groups: np.ndarray,
    statistic: Statistic,
    *,
    rng: np.random.Generator,
    n_resamples: int,
) -> Difference:
    """Return the paired difference of an arm from the baseline, which has a value per training seed."""
    from metrics.crossed import crossed_difference
    from metrics.uncertainty import paired_difference

    shape = crossed(seeds)
    if shape is None or shape[0] != len(baseline):
        return paired_difference(values, baseline, groups, statistic, rng=rng, n_resamples=n_resamples)
    cells = values.reshape(*shape, *values.shape[1:])
    return crossed_difference(cells, baseline, groups, statistic, rng=rng, n_resamples=n_resamples)


def number_over_seeds(
    values: Sequence[float], seeds: Sequence[Under], *, bounds: tuple[float | None, float | None]
) -> dict[str, Any]:
    """Return the mean of a number over seeds with its interval over seeds only, as columns."""
    from metrics.crossed import crossed_spread
    from metrics.uncertainty import spread_over_seeds

    shape = crossed(seeds)
    if shape is not None:
        return interval_columns(crossed_spread(np.reshape(values, shape), bounds=bounds))
    columns = interval_columns(spread_over_seeds(values, bounds=bounds))
    return {**columns, "ci_method": covered(columns["ci_method"], seeds)}


def spread_rows(
    arm: Arm, values: Sequence[float], seeds: Sequence[Under], columns: Mapping[str, Any], rows: Rows
) -> Iterator[ScoreRow]:
    """Yield the spreads of a value over training seeds and over generation seeds, if each is used with each."""
    from metrics.crossed import spreads

    shape = crossed(seeds)
    if shape is None:
        return
    shared = {**columns, **over(seeds), "kind": "spread", "direction": "none"}
    if not np.isfinite(values).all():
        for name in (OVER_TRAINING, OVER_GENERATION):
            yield rows.row(arm, shared, aggregation=name, reason=UNDEFINED)
        return
    found = spreads(np.reshape(np.asarray(values, dtype=np.float64), shape))
    yield rows.row(arm, shared, aggregation=OVER_TRAINING, value=found.training, reason=NO_INTERVAL)
    reason = NEGATIVE if found.negative else NO_INTERVAL
    yield rows.row(arm, shared, aggregation=OVER_GENERATION, value=found.generation, reason=reason)
