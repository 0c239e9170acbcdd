"""Networks that are trained under several seeds on several sets: two spreads, and an interval that covers both.

Every training seed is used with every set, and each set is drawn under its own generation seed: a crossed design with
one value y_sg per cell, y_sg = mean + a_s + b_g + e_sg. Its mean squares are A (training seeds), B (generation seeds)
and E (error), with expectations G var(a) + var(e), S var(b) + var(e) and var(e) (Searle, Casella & McCulloch, Variance
Components, 1992, chapter 4). The error is also part of what differs between training seeds on one set, so this spread
is the mean over sets of the variance over training seeds, and the other is (B - E) / S; both are unbiased, whether a
training seed has an effect of its own on all sets or not.

The variance of the mean of all cells is (A + B - E) / (S G). It has two parts: the mean square of the kind with fewer
seeds, which contains the error, and what the other one has in excess of the error. Degrees of freedom of their sum are
Satterthwaite's, but no interval is narrower than that of its widest part, because few seeds of one kind may agree by
chance. In simulations of 2 to 10 seeds of each kind, intervals of level 95 % cover the truth in 94 to 99 %, the more
the fewer seeds there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64, Real

from bench.errors import DataError
from metrics.quadrature import Bounds, Spread
from metrics.resampling import Groups, Statistic, group_sums
from metrics.uncertainty import NAN, Difference, Interval, interval_fields

METHOD = "groups+seeds+generations"


class Spreads(NamedTuple):
    """Standard deviations of a value: over training seeds on one set, and over sets of different generation seeds.

    `negative` says that the estimated variance over sets was negative; its deviation is then 0.
    """

    training: float
    generation: float
    negative: bool


def spreads(values: Real[np.ndarray, "seeds generations"]) -> Spreads:
    """Return the spread over training seeds and the spread over generation seeds.

    Args:
        values: the value under each training seed on the set of each generation seed; at least two of each.

    Raises:
        DataError: there are fewer than two seeds of a kind.

    >>> found = spreads(np.array([[1.0, 4.0], [3.0, 6.0]]))  # training seeds 2 apart, sets 3 apart
    >>> round(found.training, 3), round(found.generation, 3)
    (1.414, 2.121)
    """
    table = _table(values)
    squares = _MeanSquares.of(table)
    within = float(table.var(axis=0, ddof=1).mean())
    between = (squares.generations - squares.error) / len(table)
    return Spreads(float(np.sqrt(within)), float(np.sqrt(max(between, 0.0))), between < 0)


def crossed_interval(
    statistics: Real[np.ndarray, "seeds generations images k"],
    groups: Groups,
    statistic: Statistic,
    *,
    rng: np.random.Generator,
    n_resamples: int = 2000,
    level: float = 0.95,
) -> Interval:
    """Return an arm's statistic, averaged over training and generation seeds, and its interval.

    The interval over groups is that of :func:`metrics.uncertainty.arm_interval`; the half-width of the mean over both
    kinds of seeds is added in quadrature.

    Raises:
        DataError: there are fewer than two seeds of a kind, groups and images differ in number, or a statistic is NaN
            or infinite.

    >>> from metrics.resampling import mean_of, mean_statistics
    >>> cells = np.array([[[0.1, 0.2, 0.3], [0.3, 0.4, 0.5]], [[0.2, 0.3, 0.4], [0.4, 0.5, 0.6]]])
    >>> found = crossed_interval(mean_statistics(cells), ["a", "b", "c"], mean_of, rng=np.random.default_rng(0))
    >>> round(found.value, 4), found.method, found.n_seeds, found.n_generations
    (0.35, 'groups+seeds+generations', 2, 2)
    """
    sums = group_sums(statistics, groups)
    cells = _table(statistic(sums.sum(axis=-2)))
    bounds = Bounds.of_arms(float(cells.mean()), [_flat(sums)], statistic, of_mean(cells), n_resamples, rng)
    fields = interval_fields(bounds, sums.shape[-2], n_resamples, level, method=METHOD)
    return Interval(**fields, n_seeds=len(cells), n_generations=cells.shape[1])


def crossed_difference(
    a: Real[np.ndarray, "seeds generations images k"],
    b: Real[np.ndarray, "seeds images k"],
    groups: Groups,
    statistic: Statistic,
    *,
    rng: np.random.Generator,
    n_resamples: int = 2000,
    level: float = 0.95,
) -> Difference:
    """Return the difference of an arm from one that draws no set, a - b, with its interval and p-value.

    A network of `a` is compared with that of `b` under the same training seed, so that what a seed does to both arms
    cancels; the spreads are those of these differences. Resamples of groups are shared.

    Raises:
        DataError: as in :func:`crossed_interval`, or the arms do not have the same training seeds.

    >>> from metrics.resampling import mean_of, mean_statistics
    >>> b = np.array([[0.1, 0.2, 0.3], [0.2, 0.3, 0.4]])
    >>> a = np.stack([b + 0.1, b + 0.3], axis=1)
    >>> pair = mean_statistics(a), mean_statistics(b)
    >>> found = crossed_difference(*pair, ["a", "b", "c"], mean_of, rng=np.random.default_rng(0))
    >>> round(found.value, 4), found.p_value < 0.5
    (0.2, True)
    """
    if len(a) != len(b):
        raise DataError("Both arms must have the same training seeds", got=f"{len(a)} and {len(b)} of them")
    sums_a, sums_b = group_sums(a, groups), group_sums(b, groups)
    cells = _table(statistic(sums_a.sum(axis=-2)) - statistic(sums_b.sum(axis=-2))[:, None])
    arms = [_flat(sums_a), sums_b]
    bounds = Bounds.of_arms(float(cells.mean()), arms, statistic, of_mean(cells), n_resamples, rng)
    fields = interval_fields(bounds, sums_b.shape[-2], n_resamples, level, method=METHOD)
    p_value = NAN if fields["reason"] else bounds.p_value()
    return Difference(**fields, n_seeds=len(cells), n_generations=cells.shape[1], p_value=p_value)


def crossed_spread(
    values: Real[np.ndarray, "seeds generations"],
    *,
    bounds: tuple[float | None, float | None] = (None, None),
    level: float = 0.95,
) -> Interval:
    """Return the mean of a number over both kinds of seeds with an interval that covers only these.

    This is for numbers that must not be bootstrapped over images; see :func:`metrics.uncertainty.spread_over_seeds`.

    Args:
        values: the number under each training seed on the set of each generation seed.
        bounds: range of the metric, which the interval does not leave; None: unbounded.
        level: coverage of the interval.

    >>> found = crossed_spread(np.array([[1.0, 4.0], [3.0, 6.0]]))
    >>> found.value, found.method
    (3.5, 'seeds+generations')
    """
    table = _table(values)
    sizes = {"n_seeds": len(table), "n_generations": table.shape[1]}
    undefined = int(np.count_nonzero(~np.isfinite(table)))
    if undefined:
        reason = f"undefined under {undefined} of {table.size} pairs of seeds"
        return Interval(NAN, NAN, NAN, NAN, "seeds+generations", 0, reason=reason, **sizes)
    mean, spread = float(table.mean()), of_mean(table)
    low, high = spread.around(mean, 1 - level, bounds)
    return Interval(mean, spread.se, low, high, "seeds+generations", 0, **sizes)


def of_mean(values: Float64[np.ndarray, "seeds generations"]) -> Spread:
    """Return the spread of the mean of all cells over both kinds of seeds.

    >>> round(of_mean(np.array([[1.0, 4.0], [3.0, 6.0]])).se, 3)  # square root of (4 + 9) / 4
    1.803
    """
    squares = _MeanSquares.of(values)
    effects = [(squares.generations, values.shape[1] - 1), (squares.seeds, values.shape[0] - 1)]
    (fewer, dof_fewer), (more, dof_more) = sorted(effects, key=lambda effect: effect[1])
    excess = max(more - squares.error, 0.0)
    first = Spread(float(np.sqrt(fewer / values.size)), dof_fewer)
    second = Spread(float(np.sqrt(excess / values.size)), dof_more)
    return _Sum.of(first, second)


def _flat(sums: Float64[np.ndarray, "seeds generations groups k"]) -> Float64[np.ndarray, "trainings groups k"]:
    return sums.reshape(-1, *sums.shape[-2:])


@dataclass(frozen=True)
class _Sum(Spread):
    """The sum of two independent sources, with Satterthwaite's degrees of freedom."""

    parts: tuple[Spread, Spread]

    @classmethod
    def of(cls, first: Spread, second: Spread) -> _Sum:
        variance = first.se**2 + second.se**2
        known = first.se**4 / first.dof + second.se**4 / second.dof
        dof = variance**2 / known if known else first.dof + second.dof
        return cls(float(np.sqrt(variance)), dof, (first, second))

    def half_width(self, alpha: float) -> float:
        """Return t(dof) · se for the level 1 - `alpha`, or the half-width of one of the parts if that is larger."""
        return max(super().half_width(alpha), *(part.half_width(alpha) for part in self.parts))


@dataclass(frozen=True)
class _MeanSquares:
    """The mean squares of a crossed design with one value per cell."""

    seeds: float
    generations: float
    error: float

    @classmethod
    def of(cls, values: Float64[np.ndarray, "seeds generations"]) -> _MeanSquares:
        n_seeds, n_generations = values.shape
        by_seed, by_generation = values.mean(axis=1), values.mean(axis=0)
        rest = values - by_seed[:, None] - by_generation[None] + values.mean()
        return cls(
            seeds=float(n_generations * by_seed.var(ddof=1)),
            generations=float(n_seeds * by_generation.var(ddof=1)),
            error=float((rest**2).sum() / ((n_seeds - 1) * (n_generations - 1))),
        )


def _table(values: Real[np.ndarray, "seeds generations"]) -> Float64[np.ndarray, "seeds generations"]:
    table = np.asarray(values, dtype=np.float64)
    if table.ndim != 2 or min(table.shape) < 2:
        raise DataError(
            "There must be at least two training seeds and two generation seeds",
            got=f"values of shape {table.shape}",
        )
    return table
