"""Intervals of numbers and of paired differences, over groups of images (slides, patients) and over seeds.

Everything is computed in closed form, so that every reader of the same data gets the same bounds: see
docs/statistics.md for the formulas and for their coverage in simulations. The module does not import torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64, Real

from bench.errors import DataError
from metrics.crossed import sources, variance_of_mean
from metrics.estimate import Estimate, Range, Spread, around, at_the_end, satterthwaite
from metrics.groups import MEAN, Statistic, mean_of, mean_statistics
from metrics.jackknife import Jackknife, effective_number, spread_of_groups

__all__ = [
    "MEAN",
    "Difference",
    "Interval",
    "Jackknife",
    "Statistic",
    "arm_interval",
    "holm",
    "mean_of",
    "mean_statistics",
    "paired_difference",
    "spread_over_seeds",
]

NAN = float("nan")
FEWEST = 2
"""Effective groups that an interval needs; it covers what it should from there on (docs/statistics.md)."""
# A standard error below this share of the numbers is a rounding error.
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Interval:
    """An estimate with its interval.

    `method` says what the interval covers: `groups` (which slides the test set holds), `seeds` (training or
    generation seeds), `folds` (which slides were trained on), or several of them, `groups+seeds`. `n_groups` is 0
    if there are no groups, `n_effective` the number of groups of one size that would contribute as much. `n_seeds` is
    the fewest seeds of an arm or fold, `n_generations` the number of generation seeds if they are separate from
    training seeds, `dof` the degrees of freedom. Bounds and `se` are NaN if there is no interval; `reason` then says
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
    n_effective: float = NAN
    dof: float = NAN


@dataclass(frozen=True)
class Difference(Interval):
    """A paired difference a - b.

    `p_value` is two-sided, the smallest alpha whose interval excludes 0; `detectable` is the smallest difference that
    such an interval excludes from 0 in 80 % of repetitions.
    """

    p_value: float = NAN
    detectable: float = NAN


def arm_interval(arm: Jackknife, *, bounds: Range = (None, None), level: float = 0.95) -> Interval:
    """Return an arm's number, averaged over its seeds, and its interval.

    With several training seeds it covers groups and seeds (method `groups+seeds`), with a second axis of generation
    seeds these as well (`groups+seeds+generations`), with one seed only groups.

    Args:
        arm: the number under every seed and without each group.
        bounds: the range of the metric, which the interval does not leave; None: unbounded.
        level: coverage of the interval.

    >>> values = mean_statistics(np.array([[0.1, 0.2, 0.3, 0.4], [0.2, 0.3, 0.4, 0.5]]))
    >>> found = arm_interval(Jackknife.of(values, ["a", "b", "c", "d"], MEAN), bounds=(0.0, 1.0))
    >>> round(found.value, 4), found.method, found.n_groups, found.n_seeds
    (0.3, 'groups+seeds', 4, 2)
    """
    influences, shares = arm.mean_influences, arm.mean_shares
    about = _about(arm, shares)
    reason = no_interval(arm.value, shares, influences)
    if reason:
        return Interval(value=arm.value, **_nothing(reason), **about)
    estimate = Estimate.of(
        arm.value, [spread_of_groups(influences, shares)], sources(arm.values), _shared_variance(arm)
    )
    if estimate.total.se <= _ROUNDING * max(1.0, abs(arm.value)):
        end = at_the_end(arm.value, bounds, about["n_effective"], 1 - level)
        if end is None:
            return Interval(value=arm.value, **_nothing("no interval: all groups have the same value"), **about)
        return Interval(value=arm.value, se=0.0, low=end[0], high=end[1], **about)
    return Interval(**interval_fields(estimate, bounds, level), **about)


def paired_difference(a: Jackknife, b: Jackknife, *, bounds: Range = (None, None), level: float = 0.95) -> Difference:
    """Return the difference of two arms on the same images, a - b, with its interval and p-value.

    What a group does to both arms cancels. The seeds of two arms are independent of each other, unless an arm has
    generation seeds as well: it is then compared with the other one under the same training seed. An arm with one seed
    takes the other's variation over seeds.

    Args:
        a: one arm.
        b: the other one, on the same groups; its number of seeds may differ.
        bounds: the range of the metric; a difference is between minus and plus its width.
        level: coverage of the interval.

    Raises:
        DataError: the arms do not have the same groups.

    >>> images = np.array([[0.1, 0.2, 0.3, 0.4]])
    >>> up = np.array([[0.11, 0.1, 0.1, 0.09]])
    >>> arms = [Jackknife.of(mean_statistics(each), ["a", "b", "c", "d"], MEAN) for each in (images + up, images)]
    >>> found = paired_difference(*arms)
    >>> round(found.value, 4), round(found.p_value, 5)
    (0.1, 0.00015)
    """
    if not np.array_equal(a.labels, b.labels):
        raise DataError("Both arms must have the same groups", got=f"{len(a.labels)} and {len(b.labels)} of them")
    value, influences = a.value - b.value, a.mean_influences - b.mean_influences
    shares = (a.mean_shares + b.mean_shares) / 2
    about = _about(a, shares) | {"n_seeds": min(len(a.values), len(b.values))}
    of_seeds, shared = _seeds_of_difference(a, b)
    if of_seeds and about["method"] == "groups":
        about["method"] = "groups+seeds"
    reason = no_interval(value, shares, influences)
    if reason:
        return Difference(value=value, **_nothing(reason), **about)
    estimate = Estimate.of(value, [spread_of_groups(influences, shares)], of_seeds, shared)
    if estimate.total.se <= _ROUNDING * max(1.0, abs(a.value)):
        reason = "no interval: the difference is the same in all groups"
        return Difference(value=value, **_nothing(reason), **about)
    return Difference(**difference_fields(estimate, bounds, level), **about)


def spread_over_seeds(
    values: Real[np.ndarray, "seeds *generations"] | Sequence[float],
    *,
    bounds: Range = (None, None),
    level: float = 0.95,
) -> Interval:
    """Return the mean of a number over seeds with an interval that covers only these.

    This is for numbers that are not functions of sums over images, such as a Fréchet distance of each generation seed's
    set (duplicates bias it upwards). The interval says how far the value of another seed may be; it does not say that
    the distance is unbiased in n, for which there is the real-versus-real floor at the same n (`metrics.floor`).

    Args:
        values: the number under each seed; with a second axis, under each training seed on the set of each generation
            seed. One that is not finite makes the mean undefined, with a reason.
        bounds: range of the metric (`Metric.bounds`), which the interval does not leave; None: unbounded.
        level: coverage of the interval.

    Raises:
        DataError: there is no value.

    >>> found = spread_over_seeds([20.0, 22.0, 24.0])  # 22 ± t(2) · 2 / √3
    >>> found.value, round(found.low, 2), round(found.high, 2)
    (22.0, 17.03, 26.97)
    >>> spread_over_seeds(np.array([[1.0, 4.0], [3.0, 6.0]])).method
    'seeds+generations'
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim not in (1, 2) or not array.size:
        raise DataError("There must be one number per seed", got=f"an array of shape {array.shape}")
    crossed = array.ndim == 2
    about: dict[str, Any] = {"method": "seeds+generations" if crossed else "seeds", "n_groups": 0}
    about |= {"n_seeds": len(array), "n_generations": array.shape[1] if crossed else 1}
    undefined = int(np.count_nonzero(~np.isfinite(array)))
    if undefined:
        several = "pairs of seeds" if crossed else "seeds"
        return Interval(value=NAN, **_nothing(f"undefined under {undefined} of {array.size} {several}"), **about)
    mean, of_seeds = float(array.mean()), sources(array)
    if not of_seeds:
        return Interval(value=mean, **_nothing("the spread over seeds needs at least 2 of them"), **about)
    return Interval(**interval_fields(Estimate.of(mean, of_seeds), bounds, level), **about)


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


def interval_fields(estimate: Estimate, bounds: Range, level: float) -> dict[str, Any]:
    """Return an estimate as fields of an :class:`Interval`.

    >>> found = interval_fields(Estimate.of(0.5, [Spread(0.1, 4)]), (0.0, 1.0), 0.95)
    >>> round(found["low"], 3), round(found["high"], 3), found["dof"]
    (0.248, 0.752, 4.0)
    """
    low, high = around(estimate.value, estimate.half_width(1 - level), bounds)
    return {"value": estimate.value, "se": estimate.total.se, "low": low, "high": high, "dof": estimate.total.dof}


def difference_fields(estimate: Estimate, bounds: Range, level: float) -> dict[str, Any]:
    """Return the estimate of a difference as fields of a :class:`Difference`; `bounds` are those of the metric.

    >>> found = difference_fields(Estimate.of(0.9, [Spread(0.1, 4)]), (0.0, 1.0), 0.95)
    >>> round(found["low"], 3), found["high"]
    (0.622, 1.0)
    """
    half, (lowest, highest) = estimate.half_width(1 - level), bounds
    width = np.inf if lowest is None or highest is None else highest - lowest
    return {
        **interval_fields(estimate, (None, None), level),
        "low": max(estimate.value - half, -width),
        "high": min(estimate.value + half, width),
        "p_value": estimate.p_value(),
        "detectable": estimate.detectable(),
    }


def _shared_variance(arm: Jackknife) -> float:
    """Return the variance of an arm's mean that differs between groups and between seeds at the same time.

    It is part both of what differs between groups and of what differs between seeds.
    """
    kinds = arm.values.ndim
    return float(((1 - arm.mean_shares) * variance_of_mean(arm.influences, kinds)).sum())


def _seeds_of_difference(a: Jackknife, b: Jackknife) -> tuple[tuple[Spread, ...], float]:
    """Return the sources over seeds of the difference of two arms, and the variance that groups share with them."""
    if len(a.values) == len(b.values) and (a.values.ndim, b.values.ndim) != (1, 1):
        values, influences = _crossed(a, 0) - _crossed(b, 0), _crossed(a, 1) - _crossed(b, 1)
        shares = (a.mean_shares + b.mean_shares) / 2
        return sources(values), float(((1 - shares) * variance_of_mean(influences, 2)).sum())
    found, shared = [sources(arm.values) for arm in (a, b)], [_shared_variance(arm) for arm in (a, b)]
    for own, other in ((0, 1), (1, 0)):
        if found[other] and not found[own]:
            # a mean of k seeds has a k-th of the variance of one seed
            times = 1 + (a, b)[other].values.size
            spreads = tuple(Spread(each.se * float(np.sqrt(times)), each.dof) for each in found[other])
            return spreads, times * shared[other]
    both = (*found[0], *found[1])
    if len(both) < 3:
        variance = sum(spread.se**2 for spread in both)
        both = (Spread(float(np.sqrt(variance)), satterthwaite(variance, both)),) if both else ()
    return both, sum(shared)


def _crossed(arm: Jackknife, groups: int) -> Float64[np.ndarray, "seeds generations *groups"]:
    """Return an arm's values, or with `groups` 1 its influences, with an axis of generation seeds."""
    table = arm.influences if groups else arm.values
    return table[:, None] if arm.values.ndim == 1 else table


def _about(arm: Jackknife, shares: Float64[np.ndarray, " groups"]) -> dict[str, Any]:
    """Return the fields of an interval that do not depend on its bounds."""
    crossed = arm.values.ndim == 2
    several = "groups+seeds" if arm.values.size > 1 else "groups"
    return {
        "method": "groups+seeds+generations" if crossed else several,
        "n_groups": len(shares),
        "n_effective": effective_number(shares),
        "n_seeds": len(arm.values),
        "n_generations": arm.values.shape[1] if crossed else 1,
    }


def no_interval(
    value: float, shares: Float64[np.ndarray, " groups"], influences: Float64[np.ndarray, " groups"]
) -> str:
    """Return why a number has no interval over groups; empty if it has one.

    >>> no_interval(0.5, np.array([0.9, 0.1, 0.0]), np.zeros(3)).partition(",")[0]
    'no interval: of 3 groups'
    """
    if np.isnan(value):
        return "the metric is undefined on these images"
    n_effective = effective_number(shares)
    if len(shares) < FEWEST:
        return f"no interval: it needs at least {FEWEST} groups, and there is {len(shares)}"
    if n_effective < FEWEST - _ROUNDING:
        return (
            f"no interval: of {len(shares)} groups, {n_effective:.1f} contribute to the number, "
            f"as if all were of one size; it needs at least {FEWEST}"
        )
    undefined = int(np.count_nonzero(np.isnan(influences)))
    return f"no interval: the metric is undefined without any of {undefined} groups" if undefined else ""


def _nothing(reason: str) -> dict[str, Any]:
    return {"se": NAN, "low": NAN, "high": NAN, "reason": reason}
