"""Rows of scores of test sets: every metric with its interval, its difference from the baseline, and its rank."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.evaluation.rank_rows import rank_rows
from bench.evaluation.row_maker import Rows, difference_columns, interval_columns
from bench.evaluation.score import Score, jackknife
from bench.evaluation.spreads import number_over_seeds, spread_rows
from bench.evaluation.statistics import Statistics
from bench.plan.arms import BASELINE, Arm
from bench.plan.seeds import Under, covered, crossed, over
from bench.results.table import ScoreRow

if TYPE_CHECKING:
    from metrics.entry import Metric
    from metrics.jackknife import Jackknife

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

    def jackknife(self, score: Score) -> Jackknife:
        """Return a score under all seeds and without each group."""
        return jackknife(score, self.statistics, crossed(self.seeds))


def compare(
    scored: Sequence[Scored], score: Score, metric: Metric, columns: Mapping[str, Any], rows: Rows
) -> Iterator[ScoreRow]:
    """Yield one metric of one network: values under each seed and over seeds, differences from the baseline, ranks.

    Args:
        scored: the arms, the baseline among them.
        score: the metric.
        metric: its entry.
        columns: the columns that all of these rows share.
        rows: makes the rows.
    """
    columns = {**columns, "n": len(scored[0].statistics[0])}
    if score.whole is not None:
        for each in scored:
            yield from _whole(each, score, columns, rows)
        return
    baseline = next(each for each in scored if each.arm.name == BASELINE)
    missing = score.missing(baseline.statistics[0])
    if missing:
        for each in scored:
            for under in each.seeds:
                yield rows.row(each.arm, columns, **under.columns, reason=missing)
        return
    for each in scored:
        yield from valued(each, score, metric, columns, rows)
    arms = [each.jackknife(score) for each in scored]
    yield from _differences(scored, arms, metric, columns, rows)
    if metric.main:
        yield from _ranks(scored, arms, metric, columns, rows)


def valued(each: Scored, score: Score, metric: Metric, columns: Mapping[str, Any], rows: Rows) -> Iterator[ScoreRow]:
    """Yield one arm's values of a metric with their intervals: under each seed, then over seeds."""
    from metrics.uncertainty import arm_interval

    together = each.jackknife(score)
    single = jackknife(score, each.statistics) if crossed(each.seeds) else together
    skipped = [score.skipped(statistics) for statistics in each.statistics]
    for place, under in enumerate(each.seeds):
        own = interval_columns(arm_interval(single.under(place), bounds=metric.bounds))
        own["reason"] = "; ".join(filter(None, [own["reason"], score.remark(each.statistics[place])]))
        more = {"set_digest": each.digests[place], "n_skipped": skipped[place]}
        yield rows.row(each.arm, columns, **under.columns, **more, **own)
    if len(each.seeds) > 1:
        most = None if skipped[0] is None else max(filter(None, skipped), default=0)
        found = interval_columns(arm_interval(together, bounds=metric.bounds))
        found["ci_method"] = covered(found["ci_method"], each.seeds)
        yield rows.row(each.arm, columns, **each.over, n_skipped=most, **found)
        of_seeds = [float(value) for value in together.values.ravel()]
        yield from spread_rows(each.arm, of_seeds, each.seeds, {**columns, "n_distinct": each.n_distinct}, rows)


def _baseline(scored: Sequence[Scored]) -> Scored:
    return next(each for each in scored if each.arm.name == BASELINE)


def _differences(
    scored: Sequence[Scored], arms: Sequence[Jackknife], metric: Metric, columns: Mapping[str, Any], rows: Rows
) -> Iterator[ScoreRow]:
    """Yield the paired difference of every arm from the baseline, corrected for the number of arms."""
    from metrics.uncertainty import holm, paired_difference

    baseline = next(arm for arm, each in zip(arms, scored, strict=True) if each.arm.name == BASELINE)
    others = [(each, arm) for each, arm in zip(scored, arms, strict=True) if each.arm.name != BASELINE]
    differences = [paired_difference(arm, baseline, bounds=metric.bounds) for _, arm in others]
    adjusted = holm([difference.p_value for difference in differences])
    for (each, _), difference, p_holm in zip(others, differences, adjusted, strict=True):
        found = difference_columns(difference, p_holm)
        found["ci_method"] = covered(found["ci_method"], each.seeds)
        # a difference counts as many replicates as the arm or the baseline has, whichever are fewer
        n_distinct = min(each.n_distinct, _baseline(scored).n_distinct)
        yield rows.row(each.arm, columns, **{**each.over, "n_distinct": n_distinct}, **found)


def _ranks(
    scored: Sequence[Scored], arms: Sequence[Jackknife], metric: Metric, columns: Mapping[str, Any], rows: Rows
) -> Iterator[ScoreRow]:
    """Yield the rank of every arm."""
    from metrics.uncertainty import paired_difference

    ranked = [(each.arm, each.over) for each in scored]

    def p_value(one: int, other: int) -> float:
        return paired_difference(arms[one], arms[other]).p_value

    yield from rank_rows(ranked, [arm.value for arm in arms], p_value, metric, columns, rows)


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
