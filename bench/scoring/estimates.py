"""A score of a whole test set with its interval: the evaluations' own scores."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from bench.evaluation.base import Evaluation
from bench.evaluation.comparison import NO_SUMS, UNDEFINED
from bench.evaluation.score import Score, jackknife
from bench.evaluation.statistics import Statistics
from bench.scoring.output import LEVEL, Bounds, Number, bounds, number

if TYPE_CHECKING:
    from metrics.entry import Metric


class Estimate(NamedTuple):
    """A metric of the whole set, its interval, and remarks that its reader needs."""

    value: Number
    bounds: Bounds
    reason: str = ""


def estimates(
    evaluation: Evaluation, scores: Iterable[Score], statistics: Statistics
) -> dict[tuple[str, str], Estimate]:
    """Return every score by the id of its metric and its class; no interval leaves the metric's range."""
    metrics = {metric.id: metric for metric in evaluation.metrics}
    return {(score.metric, score.class_): _estimate(score, metrics[score.metric], statistics) for score in scores}


def value_of(score: Score, statistics: Statistics) -> Number:
    """Return a score without an interval."""
    if score.whole is not None:
        return number(score.whole(statistics))
    # summed without groups, whose order would change the last bits
    return number(float(score.statistic(score.read(statistics).sum(axis=0))))


def _estimate(score: Score, metric: Metric, statistics: Statistics) -> Estimate:
    from metrics.uncertainty import arm_interval

    missing = score.missing(statistics)
    if missing:
        return Estimate(None, None, missing)
    value = value_of(score, statistics)
    if score.whole is not None:
        return Estimate(value, None, UNDEFINED if value is None else NO_SUMS)
    interval = arm_interval(jackknife(score, [statistics]), bounds=metric.bounds, level=LEVEL)
    reason = "; ".join(filter(None, [interval.reason, score.remark(statistics)]))
    return Estimate(value, bounds(interval.low, interval.high), reason)
