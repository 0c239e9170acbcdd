"""Rows of scores of test sets: every metric with its interval and its paired difference from the baseline."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.evaluation.row_maker import Rows, interval_columns, resampler
from bench.evaluation.score import Score, stack
from bench.evaluation.statistics import Statistics
from bench.plan.arms import BASELINE, Arm
from bench.results.table import ALL_SEEDS, ScoreRow

NO_SUMS = "no interval: a rank statistic of the whole test set, which sums over groups do not give"
UNDEFINED = "the metric is undefined on these images"


@dataclass(frozen=True)
class Scored:
    """One arm's statistics under each seed, each with the digest of the arm's set, which is empty for the baseline."""

    arm: Arm
    statistics: Sequence[Statistics]
    digests: Sequence[str]


def compare(scored: Sequence[Scored], score: Score, columns: Mapping[str, Any], rows: Rows) -> Iterator[ScoreRow]:
    """Yield one metric of one network: values under each seed and over seeds, and differences from the baseline.

    Args:
        scored: the arms, the baseline among them.
        score: the metric.
        columns: the columns that all of these rows share.
        rows: makes the rows.
    """
    read = {each.arm.title: each.statistics for each in scored}
    groups = np.array(scored[0].statistics[0].groups)
    columns = {**columns, "n": len(groups)}
    if score.whole is not None:
        for each in scored:
            yield from _whole(each, score, columns, rows)
        return
    missing = score.missing(read[BASELINE][0])
    if missing:
        for each in scored:
            for seed in range(len(each.statistics)):
                yield rows.row(each.arm, columns, seed=seed, reason=missing)
        return
    for each in scored:
        yield from valued(each, score, columns, rows)
    yield from _differences(scored, score, columns, rows, groups)


def valued(each: Scored, score: Score, columns: Mapping[str, Any], rows: Rows) -> Iterator[ScoreRow]:
    """Yield one arm's values of a metric with their intervals: under each seed, then over seeds."""
    from metrics.uncertainty import arm_interval

    values, groups = stack(score, each.statistics), np.array(each.statistics[0].groups)
    skipped = [score.skipped(statistics) for statistics in each.statistics]
    remarks = [score.remark(statistics) for statistics in each.statistics]
    network = str(columns["downstream"])

    def interval(some: np.ndarray, remark: str) -> dict[str, Any]:
        rng = resampler(network, score.metric, score.class_)
        found = interval_columns(arm_interval(some, groups, score.statistic, rng=rng, n_resamples=rows.n_resamples))
        return {**found, "reason": "; ".join(filter(None, [found["reason"], remark]))}

    for seed in range(len(values)):
        own = interval(values[seed : seed + 1], remarks[seed])
        digest = each.digests[seed]
        yield rows.row(each.arm, columns, seed=seed, set_digest=digest, n_skipped=skipped[seed], **own)
    if len(values) > 1:
        most = None if skipped[0] is None else max(filter(None, skipped), default=0)
        all_seeds = interval(values, "")
        yield rows.row(each.arm, columns, seed=ALL_SEEDS, seeds=len(values), n_skipped=most, **all_seeds)


def _differences(
    scored: Sequence[Scored], score: Score, columns: Mapping[str, Any], rows: Rows, groups: np.ndarray
) -> Iterator[ScoreRow]:
    """Yield the paired difference of every arm from the baseline, corrected for the number of arms."""
    from metrics.uncertainty import holm, paired_difference

    stacks = {each.arm.title: stack(score, each.statistics) for each in scored}
    others = [each for each in scored if each.arm.name != BASELINE]
    differences = [
        paired_difference(
            stacks[each.arm.title],
            stacks[BASELINE],
            groups,
            score.statistic,
            rng=resampler(str(columns["downstream"]), score.metric, score.class_),
            n_resamples=rows.n_resamples,
        )
        for each in others
    ]
    adjusted = holm([difference.p_value for difference in differences])
    for each, difference, p_holm in zip(others, differences, adjusted, strict=True):
        n_seeds = len(each.statistics)
        over = {"seed": 0} if n_seeds == 1 else {"seed": ALL_SEEDS, "seeds": n_seeds}
        found = {"kind": "difference", "p": difference.p_value, "p_holm": p_holm, **interval_columns(difference)}
        yield rows.row(each.arm, columns, **over, **found)


def _whole(each: Scored, score: Score, columns: Mapping[str, Any], rows: Rows) -> Iterator[ScoreRow]:
    """Yield a number that is not a function of sums: under each seed without an interval, then over seeds."""
    from metrics.uncertainty import spread_over_seeds

    assert score.whole is not None
    values = [score.whole(statistics) for statistics in each.statistics]
    for seed, value in enumerate(values):
        yield rows.row(each.arm, columns, seed=seed, value=value, reason=NO_SUMS if np.isfinite(value) else UNDEFINED)
    if len(values) > 1:
        spread = interval_columns(spread_over_seeds(values, bounds=(0.0, 1.0)))
        yield rows.row(each.arm, columns, seed=ALL_SEEDS, seeds=len(values), **spread)
