"""Rows over all folds of a protocol: values and differences with their intervals, and pooled predictions.

Where each fold is tested on its own slides, the estimators are those of `metrics.folds`, and there are also rows that
are computed from the statistics of all folds' images together. Where the test set is fixed, folds are further
trainings that are tested on the same images: each is one replicate, whose value is the mean over its seeds, and
`metrics.uncertainty` adds their spread to that of slides. A number that is not a function of sums over images has an
interval over folds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float64

from bench.evaluation.comparison import UNDEFINED, Scored, compare
from bench.evaluation.rank_rows import rank_rows
from bench.evaluation.row_maker import Rows, difference_columns, interval_columns, together
from bench.evaluation.score import Score, jackknife, stack
from bench.evaluation.statistics import Statistics
from bench.plan.arms import BASELINE, Arm
from bench.plan.seeds import Under, over
from bench.results.table import ALL_SEEDS, POOLED_FOLDS, ScoreRow

if TYPE_CHECKING:
    from metrics.entry import Metric
    from metrics.jackknife import Jackknife
    from metrics.uncertainty import Difference, Interval

TRAININGS = "groups+trainings"
"""What an interval covers where folds are tested on the same images: slides, and the trainings of folds and seeds."""
OWN_ENCODERS = "each fold trained an encoder of its own, and scores of different encoders have no common mean"
_FLOOR = ("floor", "floor_low", "floor_high", "floor_within")

Folds = Sequence[Sequence[Statistics]]
"""One arm's statistics by fold and seed."""


@dataclass(frozen=True)
class Estimates:
    """Estimates of one metric over folds; `test_share` is the number of test images over that of training images."""

    score: Score
    metric: Metric
    test_share: float | None = None

    def value(self, arm: Folds) -> Interval:
        """Return the mean over folds and seeds with its interval."""
        from metrics.folds import corrected_resampled_t, cross_validated
        from metrics.uncertainty import arm_interval, spread_over_seeds

        bounds = self.metric.bounds
        if self.score.whole is not None:
            values = [float(np.mean([self.score.whole(one) for one in seeds])) for seeds in arm]
            if not np.isfinite(values).all():
                return replace(spread_over_seeds(values), reason=UNDEFINED)
            return corrected_resampled_t(values, test_share=self.test_share, bounds=bounds)
        if fixed_test(arm):
            found = arm_interval(self._trainings(arm), bounds=bounds)
            return replace(found, method=TRAININGS, n_folds=len(arm))
        return cross_validated(self._own(arm), test_share=self.test_share, bounds=bounds)

    def difference(self, a: Folds, b: Folds) -> Difference:
        """Return the mean over folds and seeds of the paired difference a - b with its interval."""
        from metrics.folds import cross_validated_difference
        from metrics.uncertainty import paired_difference

        bounds = self.metric.bounds
        if fixed_test(a):
            found = paired_difference(self._trainings(a), self._trainings(b), bounds=bounds)
            return replace(found, method=TRAININGS, n_folds=len(a))
        return cross_validated_difference(self._own(a), self._own(b), test_share=self.test_share, bounds=bounds)

    def _trainings(self, arm: Folds) -> Jackknife:
        """Return one replicate per fold, the mean over its seeds, whose statistics are side by side."""
        from metrics.groups import Statistic
        from metrics.jackknife import Jackknife

        stacks = [stack(self.score, seeds) for seeds in arm]
        k = stacks[0].shape[-1]
        statistic = Statistic(
            lambda sums: np.asarray(self.score.statistic(_by_seed(sums, k)).mean(axis=-1)),
            lambda sums: self.score.statistic.weight(_by_seed(sums, k)).reshape(*sums.shape[:-1], -1),
        )
        side_by_side = np.stack([np.concatenate(list(seeds), axis=-1) for seeds in stacks])
        return Jackknife.of(side_by_side, np.array(arm[0][0].groups), statistic)

    def _own(self, arm: Folds) -> list[Jackknife]:
        return [jackknife(self.score, seeds) for seeds in arm]


def compare_folds(
    folds: Sequence[Sequence[Scored]],
    score: Score,
    metric: Metric,
    columns: Mapping[str, Any],
    rows: Rows,
    test_share: float | None = None,
) -> Iterator[ScoreRow]:
    """Yield one metric of one network over all folds: values, differences from the baseline, pooled predictions.

    Args:
        folds: the arms of each fold, the same in each and in the same order, the baseline among them.
        score: the metric.
        metric: its entry.
        columns: the columns that all of these rows share.
        rows: makes the rows.
        test_share: number of test images over that of training images of a fold.
    """
    arms = [[fold[place].statistics for fold in folds] for place in range(len(folds[0]))]
    titles, under = [each.arm for each in folds[0]], [each.seeds for each in folds[0]]
    baseline = next(arm for arm, each in zip(arms, folds[0], strict=True) if each.arm.name == BASELINE)
    missing = next(filter(None, (score.missing(seeds[0]) for seeds in baseline)), "")
    if score.whole is None and missing:
        for arm in titles:
            yield rows.row(arm, columns, reason=missing)
        return
    # before the means, which tables of results show first
    if not fixed_test(baseline):
        pooled = [
            Scored(each.arm, _pooled(folds), [""] * len(folds[0]), each.seeds)
            for each, folds in zip(folds[0], arms, strict=True)
        ]
        yield from compare(pooled, score, metric, {**columns, "aggregation": POOLED_FOLDS}, rows)
    for arm, seeds, statistics in zip(titles, under, arms, strict=True):
        yield value_row(arm, seeds, statistics, score, metric, columns, rows, test_share)
    if score.whole is None:
        estimates = Estimates(score, metric, test_share)
        counted = [(arm, _counted(seeds, read)) for arm, seeds, read in zip(titles, under, arms, strict=True)]
        yield from _differences(counted, arms, baseline, estimates, columns, rows)
        if metric.main:
            values = [estimates.value(statistics).value for statistics in arms]

            def p_value(one: int, other: int) -> float:
                return estimates.difference(arms[one], arms[other]).p_value

            yield from rank_rows(counted, values, p_value, metric, columns, rows)


def _differences(
    counted: Sequence[tuple[Arm, Mapping[str, int]]],
    arms: Sequence[Folds],
    baseline: Folds,
    estimates: Estimates,
    columns: Mapping[str, Any],
    rows: Rows,
) -> Iterator[ScoreRow]:
    """Yield the paired difference of every arm from the baseline, corrected for the number of arms."""
    from metrics.uncertainty import holm

    others = [each for each in zip(counted, arms, strict=True) if each[0][0].name != BASELINE]
    differences = [estimates.difference(statistics, baseline) for _, statistics in others]
    adjusted = holm([difference.p_value for difference in differences])
    for ((arm, counts), _), difference, p_holm in zip(others, differences, adjusted, strict=True):
        n_distinct = min(counts["n_distinct"], _n_distinct(baseline))
        yield rows.row(arm, {**columns, **counts, "n_distinct": n_distinct}, **difference_columns(difference, p_holm))


def value_row(
    arm: Arm,
    seeds: Sequence[Under],
    folds: Folds,
    score: Score,
    metric: Metric,
    columns: Mapping[str, Any],
    rows: Rows,
    test_share: float | None = None,
) -> ScoreRow:
    """Return one arm's mean of a metric over folds and seeds, which are the same in each fold, with its interval."""
    found = interval_columns(Estimates(score, metric, test_share).value(folds))
    return rows.row(arm, {**columns, **_counted(seeds, folds)}, n_skipped=_skipped(score, folds), **found)


def mean_rows(folds: Sequence[Sequence[ScoreRow]], rows: Rows) -> Iterator[ScoreRow]:
    """Yield the mean over folds of every score that the rows of each fold hold, with its interval over folds.

    The value of a fold is that of its row over all seeds, or of its only one.
    """
    by_key: dict[tuple[object, ...], list[list[ScoreRow]]] = {}
    for number, fold in enumerate(folds):
        for row in fold:
            if row.kind == "score":
                by_key.setdefault(_key(row), [[] for _ in folds])[number].append(row)
    for of_folds in by_key.values():
        yield _mean_row(of_folds, rows)


def fixed_test(arm: Folds) -> bool:
    """Return whether all folds are tested on the same images."""
    return all(seeds[0].ids == arm[0][0].ids for seeds in arm)


def _by_seed(sums: Float64[np.ndarray, "... sk"], k: int) -> Float64[np.ndarray, "... s k"]:
    return sums.reshape(*sums.shape[:-1], -1, k)


def _pooled(arm: Folds) -> list[Statistics]:
    """Return the statistics of all folds' images together, for each seed."""
    return [Statistics.joined(folds) for folds in zip(*arm, strict=True)]


def _counted(seeds: Sequence[Under], arm: Folds) -> dict[str, int]:
    """Return the numbers of trainings, of different ones, of generation seeds and of test images."""
    n = len(arm[0][0]) if fixed_test(arm) else sum(len(seeds[0]) for seeds in arm)
    return {**over(seeds), "seed": ALL_SEEDS, "seeds": sum(map(len, arm)), "n": n, "n_distinct": _n_distinct(arm)}


def _n_distinct(arm: Folds) -> int:
    """Return the number of different networks; folds count apart, since each trains on other data."""
    return sum(len({one.digest for one in seeds}) for seeds in arm)


def _skipped(score: Score, arm: Folds) -> int | None:
    skipped = [[score.skipped(one) or 0 for one in seeds] for seeds in arm]
    if not score.is_mean:
        return None
    return max(map(max, skipped)) if fixed_test(arm) else sum(map(max, skipped))


def _key(row: ScoreRow) -> tuple[object, ...]:
    about = (row.split, row.method, row.variant, row.budget, row.downstream)
    return (*about, row.metric, row.class_, row.aggregation, row.protocol)


def _mean_row(of_folds: Sequence[Sequence[ScoreRow]], rows: Rows) -> ScoreRow:
    from metrics.folds import corrected_resampled_t
    from metrics.table import find

    chosen = [_over_seeds(fold) for fold in of_folds if fold]
    encoders = {row.encoder for row in chosen}
    n = {row.n for row in chosen}
    columns: dict[str, Any] = {
        **chosen[0].model_dump(by_alias=True),
        **rows.common,
        **dict.fromkeys(("value", "se", "ci_low", "ci_high", "n_skipped", "n_groups", "n_effective")),
        "group_kind": "",
        "n_distinct": sum(row.n_distinct or 0 for row in chosen),
        "generators": sum(row.generators for row in chosen),
        "seed": ALL_SEEDS,
        "seeds": sum(_over_seeds(fold).seeds if fold else 1 for fold in of_folds),
        "n": n.pop() if len(n) == 1 else None,
        **_floor(chosen),
        "ci_method": "",
        "set_digest": together([row.set_digest for row in chosen]),
        "reason": "",
    }
    if len(encoders) > 1:
        without = dict.fromkeys(_FLOOR) | {"standing": ""}
        return ScoreRow.model_validate(columns | without | {"encoder": "", "reason": OWN_ENCODERS})
    if reason := _lacking(of_folds):
        return ScoreRow.model_validate(columns | {"standing": "", "reason": reason})
    entry = find(chosen[0].metric)
    bounds = (None, None) if entry is None else entry.bounds
    found = corrected_resampled_t([row.value for row in chosen if row.value is not None], bounds=bounds)
    return ScoreRow.model_validate(columns | interval_columns(found))


def _floor(chosen: Sequence[ScoreRow]) -> dict[str, Any]:
    """Return the floor over folds: the mean of each part that all floors have, and the standing if all folds agree."""
    of_folds = [row for row in chosen if row.floor is not None]
    columns: dict[str, Any] = {}
    for part in _FLOOR:
        known = [value for value in (getattr(row, part) for row in of_folds) if value is not None]
        columns[part] = float(np.mean(known)) if known and len(known) == len(of_folds) else None
    standings = {row.standing for row in chosen}
    return columns | {"standing": standings.pop() if len(standings) == 1 else ""}


def _lacking(of_folds: Sequence[Sequence[ScoreRow]]) -> str:
    """Return why some fold has no number; empty if each has one."""
    for k, fold in enumerate(of_folds, 1):
        if not fold or _over_seeds(fold).value is None:
            return f"fold {k}/{len(of_folds)}: {_over_seeds(fold).reason if fold else 'it has no such score'}"
    return ""


def _over_seeds(rows: Sequence[ScoreRow]) -> ScoreRow:
    """Return the row over all seeds of a fold; the one that lacks a number if there is none over all seeds."""
    together = [row for row in rows if ALL_SEEDS in (row.seed, row.generation)]
    return together[-1] if together else next((row for row in rows if row.value is None), rows[0])
