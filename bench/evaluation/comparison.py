"""Rows of scores of test sets: every metric with its interval and its paired difference from the baseline."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.evaluation.row_maker import Rows, interval_columns, resampler
from bench.evaluation.score import Score, stack
from bench.evaluation.spreads import difference_over_seeds, interval_over_seeds, number_over_seeds, spread_rows
from bench.evaluation.statistics import Statistics
from bench.plan.arms import BASELINE, Arm
from bench.plan.seeds import Under, covered, over
from bench.results.table import ScoreRow

NO_SUMS = "no interval: a rank statistic of the whole test set, which sums over groups do not give"
UNDEFINED = "the metric is undefined on these images"


@dataclass(frozen=True)
class Scored:
    """One arm's statistics under all seeds, each with the digest of the arm's set, which is empty for the baseline.

    `seeds` are those of each of the statistics, by training seed and then by generation seed; by default they are 0, 1,
    2, ..., and each seed has a set of its own.
    """

    arm: Arm
    statistics: Sequence[Statistics]
    digests: Sequence[str]
    seeds: Sequence[Under] = ()

    def __post_init__(self) -> None:
        """Fill in the seeds."""
        if not self.seeds:
            object.__setattr__(self, "seeds", [Under(seed, seed) for seed in range(len(self.statistics))])

    @property
    def n_distinct(self) -> int:
        """The number of different networks or sets, as far as any image shows: seeds may change nothing."""
        return len({one.digest for one in self.statistics})

    @property
    def over(self) -> dict[str, int]:
        """The columns of a row over all seeds."""
        return {**over(self.seeds), "n_distinct": self.n_distinct}


def compare(scored: Sequence[Scored], score: Score, columns: Mapping[str, Any], rows: Rows) -> Iterator[ScoreRow]:
    """Yield one metric of one network: values under each seed and over seeds, and differences from the baseline.

    Args:
        scored: the arms, the baseline among them.
        score: the metric.
        columns: the columns that all of these rows share.
        rows: makes the rows.
    """
    groups = np.array(scored[0].statistics[0].groups)
    columns = {**columns, "n": len(groups)}
    if score.whole is not None:
        for each in scored:
            yield from _whole(each, score, columns, rows)
        return
    missing = score.missing(_baseline(scored).statistics[0])
    if missing:
        for each in scored:
            for under in each.seeds:
                yield rows.row(each.arm, columns, **under.columns, reason=missing)
        return
    for each in scored:
        yield from valued(each, score, columns, rows)
    yield from _differences(scored, score, columns, rows, groups)


def valued(each: Scored, score: Score, columns: Mapping[str, Any], rows: Rows) -> Iterator[ScoreRow]:
    """Yield one arm's values of a metric with their intervals: under each seed, then over seeds."""
    values, groups = stack(score, each.statistics), np.array(each.statistics[0].groups)
    skipped = [score.skipped(statistics) for statistics in each.statistics]
    remarks = [score.remark(statistics) for statistics in each.statistics]
    network = str(columns["downstream"])

    def interval(some: np.ndarray, seeds: Sequence[Under], remark: str) -> dict[str, Any]:
        rng = resampler(network, score.metric, score.class_)
        found = interval_over_seeds(some, seeds, groups, score.statistic, rng=rng, n_resamples=rows.n_resamples)
        return {**found, "reason": "; ".join(filter(None, [found["reason"], remark]))}

    for place, under in enumerate(each.seeds):
        own = interval(values[place : place + 1], [under], remarks[place])
        more = {"set_digest": each.digests[place], "n_skipped": skipped[place]}
        yield rows.row(each.arm, columns, **under.columns, **more, **own)
    if len(values) > 1:
        most = None if skipped[0] is None else max(filter(None, skipped), default=0)
        yield rows.row(each.arm, columns, **each.over, n_skipped=most, **interval(values, each.seeds, ""))
        of_seeds = [float(value) for value in score.statistic(values.sum(axis=1))]
        yield from spread_rows(each.arm, of_seeds, each.seeds, {**columns, "n_distinct": each.n_distinct}, rows)


def _baseline(scored: Sequence[Scored]) -> Scored:
    return next(each for each in scored if each.arm.name == BASELINE)


def _differences(
    scored: Sequence[Scored], score: Score, columns: Mapping[str, Any], rows: Rows, groups: np.ndarray
) -> Iterator[ScoreRow]:
    """Yield the paired difference of every arm from the baseline, corrected for the number of arms."""
    from metrics.uncertainty import holm

    stacks = {each.arm.title: stack(score, each.statistics) for each in scored}
    others = [each for each in scored if each.arm.name != BASELINE]
    differences = [
        difference_over_seeds(
            stacks[each.arm.title],
            each.seeds,
            stacks[_baseline(scored).arm.title],
            groups,
            score.statistic,
            rng=resampler(str(columns["downstream"]), score.metric, score.class_),
            n_resamples=rows.n_resamples,
        )
        for each in others
    ]
    adjusted = holm([difference.p_value for difference in differences])
    for each, difference, p_holm in zip(others, differences, adjusted, strict=True):
        found = {"kind": "difference", "p": difference.p_value, "p_holm": p_holm, **interval_columns(difference)}
        found["ci_method"] = covered(found["ci_method"], each.seeds)
        # a difference counts as many replicates as the arm or the baseline has, whichever are fewer
        n_distinct = min(each.n_distinct, _baseline(scored).n_distinct)
        yield rows.row(each.arm, columns, **{**each.over, "n_distinct": n_distinct}, **found)


def _whole(each: Scored, score: Score, columns: Mapping[str, Any], rows: Rows) -> Iterator[ScoreRow]:
    """Yield a number that is not a function of sums: under each seed without an interval, then over seeds."""
    assert score.whole is not None
    values = [score.whole(statistics) for statistics in each.statistics]
    for under, value in zip(each.seeds, values, strict=True):
        reason = NO_SUMS if np.isfinite(value) else UNDEFINED
        yield rows.row(each.arm, columns, **under.columns, value=value, reason=reason)
    if len(values) > 1:
        spread = number_over_seeds(values, each.seeds, bounds=(0.0, 1.0))
        yield rows.row(each.arm, columns, **each.over, **spread)
        yield from spread_rows(each.arm, values, each.seeds, {**columns, "n_distinct": each.n_distinct}, rows)
