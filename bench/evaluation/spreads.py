"""Intervals over seeds as columns of rows, and rows of two spreads: over training and over generation seeds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from bench.evaluation.row_maker import Rows, interval_columns
from bench.plan.arms import Arm
from bench.plan.seeds import Under, covered, crossed, over
from bench.results.table import ScoreRow

OVER_TRAINING, OVER_GENERATION = "sd over training seeds", "sd over generation seeds"
NO_INTERVAL = "no interval: a spread of few seeds"
NEGATIVE = "0, because the estimate of the variance is negative; " + NO_INTERVAL
UNDEFINED = "the metric is undefined under some seeds"


def number_over_seeds(
    values: Sequence[float], seeds: Sequence[Under], *, bounds: tuple[float | None, float | None]
) -> dict[str, Any]:
    """Return the mean of a number over seeds with its interval over seeds only, as columns."""
    from metrics.uncertainty import spread_over_seeds

    shape = crossed(seeds)
    table = np.asarray(values) if shape is None else np.reshape(values, shape)
    columns = interval_columns(spread_over_seeds(table, bounds=bounds))
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
