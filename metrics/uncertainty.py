"""Intervals, paired differences and ranks that resample groups (slides, patients) and count training seeds.

Everything starts from sufficient statistics, one vector an image, and a statistic of their sum; a resample of
groups is then a row of a matrix product. No torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64, Real

from metrics.quadrature import Bounds, SeedSpread
from metrics.resampling import Groups, Statistic, group_sums, mean_of, mean_statistics, replicates

__all__ = [
    "Difference",
    "Interval",
    "RankInterval",
    "Statistic",
    "arm_interval",
    "cluster_bootstrap",
    "holm",
    "mean_of",
    "mean_statistics",
    "paired_difference",
    "rank_intervals",
]

NAN = float("nan")


@dataclass(frozen=True)
class Interval:
    """An estimate with its interval.

    `method` says what the interval covers: `groups` (which slides the test set holds) or `groups+seeds` (also
    the training seed). Bounds and `se` are NaN where there is no interval; `reason` then says why.
    """

    value: float
    se: float
    low: float
    high: float
    method: str
    n_groups: int
    n_seeds: int = 1
    reason: str = ""


@dataclass(frozen=True)
class Difference(Interval):
    """A paired difference a - b; `p_value` is two-sided, the smallest alpha whose interval excludes 0."""

    p_value: float = NAN


@dataclass(frozen=True)
class RankInterval:
    """The rank of an arm (1 is best) and its interval over resamples."""

    rank: int
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
        statistics: sufficient statistics, one row an image, finite (see `mean_statistics` for means).
        groups: slide or patient of each image.
        statistic: function of summed statistics, vectorised over leading axes: `[..., k] -> [...]`.
        rng: draws the resamples.
        n_resamples: number of resamples of whole groups.
        level: coverage of the interval.

    Raises:
        DataError: groups and images differ in number, or a statistic is NaN or infinite.

    Percentile half-widths are stretched by t(G-1) / z · √(G / (G - 1)), the correction for few groups (cf.
    Hesterberg, The American Statistician 2015, §5.3).
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
    side of the interval over groups (method `groups+seeds`); with one seed the interval covers groups alone.
    """
    sums = group_sums(statistics, groups)
    per_seed = statistic(sums.sum(axis=-2))
    drawn = replicates([sums], statistic, n_resamples, rng)[0] if sums.shape[-2] > 1 else np.zeros(0)
    bounds = _bounds(float(per_seed.mean()), drawn, sums.shape[-2], [per_seed])
    return Interval(**_fields(bounds, n_resamples, level), n_seeds=len(per_seed))


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
        a: statistics of one arm, one slice a training seed.
        b: statistics of the other; its number of seeds may differ.
        groups: slide or patient of each image, the same images in both arms.
        statistic: function of summed statistics, vectorised over leading axes.
        rng: draws the resamples, which both arms share.
        n_resamples: number of resamples of whole groups.
        level: coverage of the interval.

    The group part is as in :func:`cluster_bootstrap`. The seed part t(kₐ+k_b-2) · √(sₐ²/kₐ + s_b²/k_b) is
    added in quadrature; an arm with one seed is given the other's s.

    Raises:
        DataError: groups and images differ in number, or a statistic is NaN or infinite.
    """
    sums = [group_sums(a, groups), group_sums(b, groups)]
    per_seed = [statistic(arm.sum(axis=-2)) for arm in sums]
    n_groups = sums[0].shape[-2]
    drawn = np.subtract(*replicates(sums, statistic, n_resamples, rng)) if n_groups > 1 else np.zeros(0)
    bounds = _bounds(float(per_seed[0].mean() - per_seed[1].mean()), drawn, n_groups, per_seed)
    fields = _fields(bounds, n_resamples, level)
    p_value = NAN if fields["reason"] else bounds.p_value()
    return Difference(**fields, n_seeds=min(len(values) for values in per_seed), p_value=p_value)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted for their number (Holm 1979); NaN stays NaN and does not count."""
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

    Where an arm has several seeds, each resample also moves it by s / √k times a draw of t(k-1), the
    uncertainty of a mean over seeds. Resamples in which an arm is undefined are left out.
    """
    sums = [group_sums(statistics, groups) for statistics in arms.values()]
    per_seed = [statistic(arm.sum(axis=-2)) for arm in sums]
    drawn = replicates(sums, statistic, n_resamples, rng)
    for row, values in zip(drawn, per_seed, strict=True):
        if len(values) > 1:
            row += values.std(ddof=1) / np.sqrt(len(values)) * rng.standard_t(len(values) - 1, size=n_resamples)
    sign = -1 if higher_is_better else 1
    drawn = drawn[:, np.isfinite(drawn).all(axis=0)]
    point = _ranks(sign * np.array([values.mean() for values in per_seed])[:, None])[:, 0]
    if not drawn.size:
        return {name: RankInterval(int(rank), NAN, NAN) for name, rank in zip(arms, point, strict=True)}
    tail = (1 - level) / 2
    low, high = np.quantile(_ranks(sign * drawn), [tail, 1 - tail], axis=1, method="inverted_cdf")
    return {
        name: RankInterval(int(rank), float(lowest), float(highest))
        for name, rank, lowest, highest in zip(arms, point, low, high, strict=True)
    }


def _bounds(
    value: float,
    drawn: Float64[np.ndarray, " b"],
    n_groups: int,
    per_seed: Sequence[Float64[np.ndarray, " seeds"]],
) -> Bounds:
    return Bounds(value, np.sort(drawn[np.isfinite(drawn)]), n_groups, SeedSpread.of(per_seed))


def _fields(bounds: Bounds, n_resamples: int, level: float) -> dict[str, Any]:
    """Return the fields of an interval; where there is none, NaN bounds and the reason."""
    reason = ""
    if np.isnan(bounds.value):
        reason = "the metric is undefined on these images"
    elif bounds.n_groups < 2:
        reason = f"groups cannot be resampled: {bounds.n_groups} of at least 2"
    elif 2 * len(bounds.replicates) < n_resamples:
        reason = f"the metric is undefined in {n_resamples - len(bounds.replicates)} of {n_resamples} resamples"
    low, high = (NAN, NAN) if reason else bounds.at(1 - level)
    return {
        "value": bounds.value,
        "se": NAN if reason else bounds.se,
        "low": low,
        "high": high,
        "method": "groups+seeds" if bounds.seeds.dof else "groups",
        "n_groups": bounds.n_groups,
        "reason": reason,
    }


def _ranks(costs: Float64[np.ndarray, "arms b"]) -> Float64[np.ndarray, "arms b"]:
    """Return ranks from 1 in each column; equal arms share the better rank."""
    return np.asarray(1 + (costs[None] < costs[:, None]).sum(axis=1), dtype=np.float64)
