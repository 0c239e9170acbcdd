"""Intervals, paired differences and ranks over resamples of groups (slides, patients) and over training seeds.

The input is sufficient statistics, one vector per image, and a statistic of their sum; a resample of groups is
then a row of a matrix product. The module does not import torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64, Real

from bench.errors import DataError
from metrics.quadrature import Bounds, Spread, few_groups
from metrics.resampling import Groups, Statistic, group_sums, mean_of, mean_statistics, replicates

__all__ = [
    "Difference",
    "Interval",
    "RankInterval",
    "Statistic",
    "arm_interval",
    "cluster_bootstrap",
    "holm",
    "interval_fields",
    "mean_of",
    "mean_statistics",
    "paired_difference",
    "rank_intervals",
    "spread_over_seeds",
]

NAN = float("nan")


@dataclass(frozen=True)
class Interval:
    """An estimate with its interval.

    `method` says what the interval covers: `groups` (which slides the test set holds), `seeds` (training or
    generation seeds), `folds` (which slides were trained on), or several of them, `groups+seeds`. `n_groups` is 0
    if no group was resampled, `n_seeds` the fewest seeds of an arm or fold, `n_generations` the number of generation
    seeds if they are separate from training seeds. Bounds and `se` are NaN if there is no interval; `reason` then says
    why.
    """

    value: float
    se: float
    low: float
    high: float
    method: str
    n_groups: int
    n_seeds: int = 1
    reason: str = ""
    n_folds: int = 1
    n_generations: int = 1


@dataclass(frozen=True)
class Difference(Interval):
    """A paired difference a - b; `p_value` is two-sided, the smallest alpha whose interval excludes 0."""

    p_value: float = NAN


@dataclass(frozen=True)
class RankInterval:
    """The rank of an arm (1 is best) and its interval over resamples; NaN if undefined."""

    rank: float
    low: float
    high: float


def cluster_bootstrap(
    statistics: Real[np.ndarray, "images k"],
    groups: Groups,
    statistic: Statistic,
    *,
    rng: np.random.Generator,
    n_resamples: int = 2000,
    level: float = 0.95,
) -> Interval:
    """Return a statistic of a test set and its cluster-bootstrap interval over groups.

    Args:
        statistics: sufficient statistics, one row per image, finite (see `mean_statistics` for means).
        groups: slide or patient of each image.
        statistic: function of summed statistics, vectorised over leading axes: `[..., k] -> [...]`.
        rng: draws the resamples.
        n_resamples: number of resamples of whole groups.
        level: coverage of the interval.

    Raises:
        DataError: groups and images differ in number, or a statistic is NaN or infinite.

    Percentile half-widths are multiplied by t(G-1) / z · √(G / (G - 1)), the correction for few groups (cf.
    Hesterberg, The American Statistician 2015, §5.3).

    >>> statistics = mean_statistics(np.array([0.1, 0.2, 0.3, 0.4]))
    >>> found = cluster_bootstrap(statistics, ["a", "b", "c", "d"], mean_of, rng=np.random.default_rng(0))
    >>> found.value, round(found.low, 2), round(found.high, 2)
    (0.25, 0.06, 0.44)
    """
    one_seed = np.asarray(statistics)[None]
    return arm_interval(one_seed, groups, statistic, rng=rng, n_resamples=n_resamples, level=level)


def arm_interval(
    statistics: Real[np.ndarray, "seeds images k"],
    groups: Groups,
    statistic: Statistic,
    *,
    rng: np.random.Generator,
    n_resamples: int = 2000,
    level: float = 0.95,
) -> Interval:
    """Return an arm's statistic, averaged over training seeds, and its interval.

    With several seeds the half-width t(k-1) · s / √k of the mean over seeds is added in quadrature to each
    side of the interval over groups (method `groups+seeds`); with one seed the interval covers only groups.

    >>> two_seeds = mean_statistics(np.array([[0.1, 0.2, 0.3, 0.4], [0.2, 0.3, 0.4, 0.5]]))
    >>> found = arm_interval(two_seeds, ["a", "b", "c", "d"], mean_of, rng=np.random.default_rng(0))
    >>> round(found.value, 4), found.method, found.n_seeds
    (0.3, 'groups+seeds', 2)
    """
    sums = group_sums(statistics, groups)
    per_seed = statistic(sums.sum(axis=-2))
    spread = Spread.of_seeds([per_seed])
    bounds = Bounds.of_arms(float(per_seed.mean()), [sums], statistic, spread, n_resamples, rng)
    fields = interval_fields(bounds, sums.shape[-2], n_resamples, level, method=_covers(spread))
    return Interval(**fields, n_seeds=len(per_seed))


def paired_difference(
    a: Real[np.ndarray, "seeds_a images k"],
    b: Real[np.ndarray, "seeds_b images k"],
    groups: Groups,
    statistic: Statistic,
    *,
    rng: np.random.Generator,
    n_resamples: int = 2000,
    level: float = 0.95,
) -> Difference:
    """Return the difference of two arms on the same images, a - b, with its interval and p-value.

    Args:
        a: statistics of one arm, one slice per training seed.
        b: statistics of the other; its number of seeds may differ.
        groups: slide or patient of each image, the same images in both arms.
        statistic: function of summed statistics, vectorised over leading axes.
        rng: draws the resamples, which both arms share.
        n_resamples: number of resamples of whole groups.
        level: coverage of the interval.

    The group part is as in :func:`cluster_bootstrap`. The seed part t(kₐ+k_b-2) · √(sₐ²/kₐ + s_b²/k_b) is
    added in quadrature; an arm with one seed takes the other's s.

    Raises:
        DataError: groups and images differ in number, or a statistic is NaN or infinite.

    >>> better, worse = (mean_statistics(np.array([[0.1, 0.2, 0.3, 0.4]]) + shift) for shift in (0.1, 0.0))
    >>> found = paired_difference(better, worse, ["a", "b", "c", "d"], mean_of, rng=np.random.default_rng(0))
    >>> round(found.value, 4), round(found.p_value, 3)
    (0.1, 0.001)
    """
    sums = [group_sums(a, groups), group_sums(b, groups)]
    per_seed = [statistic(arm.sum(axis=-2)) for arm in sums]
    spread = Spread.of_seeds(per_seed)
    value = float(per_seed[0].mean() - per_seed[1].mean())
    bounds = Bounds.of_arms(value, sums, statistic, spread, n_resamples, rng)
    fields = interval_fields(bounds, sums[0].shape[-2], n_resamples, level, method=_covers(spread))
    p_value = NAN if fields["reason"] else bounds.p_value()
    return Difference(**fields, n_seeds=min(len(values) for values in per_seed), p_value=p_value)


def spread_over_seeds(
    values: Real[np.ndarray, " seeds"] | Sequence[float],
    *,
    bounds: tuple[float | None, float | None] = (None, None),
    level: float = 0.95,
) -> Interval:
    """Return the mean of a number over seeds and Student's interval of that mean, t(k-1) · s / √k.

    This is for numbers that must not be bootstrapped over images, such as a Fréchet distance of each generation seed's
    set (duplicates bias it upwards). The interval says how far the value of another seed may be; it does not say that
    the distance is unbiased in n, for which there is the real-versus-real floor at the same n (`metrics.floor`).

    Args:
        values: the number under each seed; one that is not finite makes the mean undefined, with a reason.
        bounds: range of the metric (`Metric.bounds`), which the interval does not leave; None: unbounded.
        level: coverage of the interval.

    Raises:
        DataError: there is no value.

    >>> found = spread_over_seeds([20.0, 22.0, 24.0])
    >>> found.value, round(found.low, 2), round(found.high, 2)
    (22.0, 17.03, 26.97)
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or not len(array):
        raise DataError("There must be one number per seed", got=f"an array of shape {array.shape}")
    undefined = int(np.count_nonzero(~np.isfinite(array)))
    if undefined:
        reason = f"undefined under {undefined} of {len(array)} seeds"
        return Interval(NAN, NAN, NAN, NAN, "seeds", 0, len(array), reason)
    mean = float(array.mean())
    if len(array) == 1:
        return Interval(mean, NAN, NAN, NAN, "seeds", 0, 1, "the spread over seeds needs at least 2 of them")
    spread = Spread.of_seeds([array])
    low, high = spread.around(mean, 1 - level, bounds)
    return Interval(mean, spread.se, low, high, "seeds", 0, len(array))


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted for their number (Holm 1979); NaN stays NaN and does not count.

    >>> [round(p, 3) for p in holm([0.04, 0.01, 0.03])]
    [0.06, 0.03, 0.06]
    """
    values = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(values)[: np.count_nonzero(~np.isnan(values))]
    adjusted = np.full(len(values), NAN)
    steps = values[order] * (len(order) - np.arange(len(order)))
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1) if len(order) else []
    return [float(value) for value in adjusted]


def rank_intervals(
    arms: Mapping[str, Real[np.ndarray, "seeds images k"]],
    groups: Groups,
    statistic: Statistic,
    *,
    higher_is_better: bool,
    rng: np.random.Generator,
    n_resamples: int = 2000,
    level: float = 0.95,
) -> dict[str, RankInterval]:
    """Return the rank of each arm with its percentile interval over shared resamples of groups.

    Deviations are multiplied as in :func:`cluster_bootstrap`. Where an arm has several seeds, each resample also moves
    it by s / √k times a draw of t(k-1), the uncertainty of a mean over seeds. Undefined arms have no rank, the
    others are ranked without them; resamples in which one of these is undefined are left out. There is no interval
    with fewer than two groups, or where half of the resamples are left out.

    >>> arms = {name: mean_statistics(np.array([[0.1, 0.2, 0.3]]) + up) for name, up in (("low", 0.0), ("high", 0.5))}
    >>> rng = np.random.default_rng(0)
    >>> rank_intervals(arms, ["a", "b", "c"], mean_of, higher_is_better=True, rng=rng)["high"].rank
    1.0
    """
    sums = {name: group_sums(statistics, groups) for name, statistics in arms.items()}
    per_seed = {name: statistic(arm.sum(axis=-2)) for name, arm in sums.items()}
    names = [name for name, values in per_seed.items() if np.isfinite(values).all()]
    ranks = {name: RankInterval(NAN, NAN, NAN) for name in arms}
    if not names:
        return ranks
    sign = -1 if higher_is_better else 1
    values = np.array([per_seed[name].mean() for name in names])[:, None]
    point = _ranks(sign * values)[:, 0]
    ranks |= {name: RankInterval(float(rank), NAN, NAN) for name, rank in zip(names, point, strict=True)}
    n_groups = sums[names[0]].shape[-2]
    if n_groups < 2:
        return ranks
    drawn = replicates([sums[name] for name in names], statistic, n_resamples, rng)
    tail = (1 - level) / 2
    drawn = values + (drawn - values) * few_groups(n_groups - 1, n_groups / (n_groups - 1), tail)
    for row, name in zip(drawn, names, strict=True):
        k = len(per_seed[name])
        if k > 1:
            row += per_seed[name].std(ddof=1) / np.sqrt(k) * rng.standard_t(k - 1, size=n_resamples)
    drawn = drawn[:, np.isfinite(drawn).all(axis=0)]
    if 2 * drawn.shape[1] < n_resamples:
        return ranks
    low, high = np.quantile(_ranks(sign * drawn), [tail, 1 - tail], axis=1, method="inverted_cdf")
    for name, rank, lowest, highest in zip(names, point, low, high, strict=True):
        ranks[name] = RankInterval(float(rank), float(lowest), float(highest))
    return ranks


def interval_fields(
    bounds: Bounds, n_groups: int, n_resamples: int, level: float, *, method: str, reason: str = ""
) -> dict[str, Any]:
    """Return the fields of an :class:`Interval`; without an interval, NaN bounds and the reason, given or found.

    >>> bounds = Bounds.of_groups(0.5, np.array([0.4, 0.5, 0.6]), 3, ())
    >>> interval_fields(bounds, 1, 3, 0.95, method="groups")["reason"]
    'groups cannot be resampled: 1 of at least 2'
    """
    if not reason:
        if np.isnan(bounds.value):
            reason = "the metric is undefined on these images"
        elif n_groups < 2:
            reason = f"groups cannot be resampled: {n_groups} of at least 2"
        elif 2 * len(bounds.replicates) < n_resamples:
            reason = f"the metric is undefined in {n_resamples - len(bounds.replicates)} of {n_resamples} resamples"
    low, high = (NAN, NAN) if reason else bounds.at(1 - level)
    return {
        "value": bounds.value,
        "se": NAN if reason else bounds.se,
        "low": low,
        "high": high,
        "method": method,
        "n_groups": n_groups,
        "reason": reason,
    }


def _covers(spread: Spread) -> str:
    return "groups+seeds" if spread.dof else "groups"


def _ranks(costs: Float64[np.ndarray, "arms b"]) -> Float64[np.ndarray, "arms b"]:
    """Return ranks from 1 in each column; equal arms share the better rank."""
    return np.asarray(1 + (costs[None] < costs[:, None]).sum(axis=1), dtype=np.float64)
