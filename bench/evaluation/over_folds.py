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
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float64

from bench.evaluation.comparison import UNDEFINED, Scored, compare
from bench.evaluation.row_maker import Rows, interval_columns, resampler, together, within_range
from bench.evaluation.score import Score, stack
from bench.evaluation.statistics import Statistics
from bench.plan.arms import BASELINE, Arm
from bench.plan.seeds import Under, over
from bench.results.table import ALL_SEEDS, POOLED_FOLDS, ScoreRow

if TYPE_CHECKING:
    from metrics.folds import Fold
    from metrics.uncertainty import Difference, Interval

TRAININGS = "groups+trainings"
"""What an interval covers where folds are tested on the same images: slides, and the trainings of folds and seeds."""
OWN_ENCODERS = "each fold trained an encoder of its own, and scores of different encoders have no common mean"

Folds = Sequence[Sequence[Statistics]]
"""One arm's statistics by fold and seed."""


@dataclass(frozen=True)
class Estimates:
    """Estimates of one metric over folds; `test_share` is the number of test images over that of training images."""

    score: Score
    network: str
    n_resamples: int
    test_share: float | None = None

    def value(self, arm: Folds) -> Interval:
        """Return the mean over folds and seeds with its interval."""
        from metrics.folds import cross_validated
        from metrics.uncertainty import arm_interval, spread_over_seeds

        if self.score.whole is not None:
            values = [float(np.mean([self.score.whole(one) for one in seeds])) for seeds in arm]
            if not np.isfinite(values).all():
                return replace(spread_over_seeds(values), reason=UNDEFINED)
            return mean_of_folds(values, self.test_share)
        if fixed_test(arm):
            found = arm_interval(_trainings(self.score, arm), arm[0][0].groups, self._mean(arm), **self._resampling())
            return replace(found, method=TRAININGS, n_folds=len(arm))
        share = self.test_share
        return cross_validated(_own(self.score, arm), self.score.statistic, test_share=share, **self._resampling())

    def difference(self, a: Folds, b: Folds) -> Difference:
        """Return the mean over folds and seeds of the paired difference a - b with its interval."""
        from metrics.folds import cross_validated_difference
        from metrics.uncertainty import paired_difference

        if fixed_test(a):
            stacks = _trainings(self.score, a), _trainings(self.score, b)
            found = paired_difference(*stacks, a[0][0].groups, self._mean(a), **self._resampling())
            return replace(found, method=TRAININGS, n_folds=len(a))
        folds = _own(self.score, a), _own(self.score, b)
        share = self.test_share
        return cross_validated_difference(*folds, self.score.statistic, test_share=share, **self._resampling())

    def _mean(self, arm: Folds) -> Any:
        """Return the statistic of a fold: the mean over its seeds, whose sums are side by side."""
        return partial(_mean_of_seeds, score=self.score, k=self.score.read(arm[0][0]).shape[-1])

    def _resampling(self) -> dict[str, Any]:
        # the same resamples for every arm
        return {
            "rng": resampler(self.network, self.score.metric, self.score.class_),
            "n_resamples": self.n_resamples,
        }


def compare_folds(
    folds: Sequence[Sequence[Scored]],
    score: Score,
    columns: Mapping[str, Any],
    rows: Rows,
    test_share: float | None = None,
) -> Iterator[ScoreRow]:
    """Yield one metric of one network over all folds: values, differences from the baseline, pooled predictions.

    Args:
        folds: the arms of each fold, the same in each and in the same order, the baseline among them.
        score: the metric.
        columns: the columns that all of these rows share.
        rows: makes the rows.
        test_share: number of test images over that of training images of a fold.
    """
    from metrics.uncertainty import holm

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
        yield from compare(pooled, score, {**columns, "aggregation": POOLED_FOLDS}, rows)
    estimates = Estimates(score, str(columns["downstream"]), rows.n_resamples, test_share)
    for arm, seeds, statistics in zip(titles, under, arms, strict=True):
        yield value_row(arm, seeds, statistics, score, columns, rows, test_share)
    if score.whole is None:
        others = [each for each in zip(titles, under, arms, strict=True) if each[0].name != BASELINE]
        differences = [estimates.difference(statistics, baseline) for _, _, statistics in others]
        adjusted = holm([difference.p_value for difference in differences])
        for (arm, seeds, statistics), difference, p_holm in zip(others, differences, adjusted, strict=True):
            found = {"kind": "difference", "p": difference.p_value, "p_holm": p_holm, **interval_columns(difference)}
            counted = _counted(seeds, statistics)
            counted["n_distinct"] = min(counted["n_distinct"], _n_distinct(baseline))
            yield rows.row(arm, {**columns, **counted}, **found)


def value_row(
    arm: Arm,
    seeds: Sequence[Under],
    folds: Folds,
    score: Score,
    columns: Mapping[str, Any],
    rows: Rows,
    test_share: float | None = None,
) -> ScoreRow:
    """Return one arm's mean of a metric over folds and seeds, which are the same in each fold, with its interval."""
    estimates = Estimates(score, str(columns["downstream"]), rows.n_resamples, test_share)
    found = interval_columns(estimates.value(folds))
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


def mean_of_folds(values: Sequence[float], test_share: float | None = None) -> Interval:
    """Return the mean of one number per fold and its interval, corrected for training sets that overlap."""
    from metrics.folds import corrected_resampled_t

    return corrected_resampled_t(values, test_share=test_share)


def fixed_test(arm: Folds) -> bool:
    """Return whether all folds are tested on the same images."""
    return all(seeds[0].ids == arm[0][0].ids for seeds in arm)


def _trainings(score: Score, arm: Folds) -> Float64[np.ndarray, "folds n k"]:
    """Return one replicate per fold; the statistics of its seeds are side by side."""
    return np.stack([np.concatenate(list(stack(score, seeds)), axis=-1) for seeds in arm])


def _mean_of_seeds(sums: Float64[np.ndarray, "... k"], score: Score, k: int) -> Float64[np.ndarray, " ..."]:
    return np.asarray(score.statistic(sums.reshape(*sums.shape[:-1], -1, k)).mean(axis=-1))


def _own(score: Score, arm: Folds) -> list[Fold]:
    from metrics.folds import Fold

    return [Fold(stack(score, seeds), seeds[0].groups, f"{k}/{len(arm)}") for k, seeds in enumerate(arm, 1)]


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
    chosen = [_over_seeds(fold) for fold in of_folds if fold]
    encoders = {row.encoder for row in chosen}
    n = {row.n for row in chosen}
    floors = [row.floor for row in chosen if row.floor is not None]
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
        "floor": float(np.mean(floors)) if floors else None,
        "ci_method": "",
        "set_digest": together([row.set_digest for row in chosen]),
        "reason": "",
    }
    if len(encoders) > 1:
        return ScoreRow.model_validate(columns | {"encoder": "", "reason": OWN_ENCODERS})
    if reason := _lacking(of_folds):
        return ScoreRow.model_validate(columns | {"reason": reason})
    found = mean_of_folds([row.value for row in chosen if row.value is not None])
    return ScoreRow.model_validate(within_range(columns | interval_columns(found)))


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
