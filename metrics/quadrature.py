"""Bounds of an estimate: resamples of groups and, in quadrature, the spread over training seeds and folds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from scipy.special import ndtri, stdtrit

from metrics.resampling import Statistic, replicates


@dataclass(frozen=True)
class Spread:
    """Standard error of an estimate from a separate source, with its degrees of freedom (0: source unknown)."""

    se: float
    dof: float

    @classmethod
    def of_seeds(cls, per_seed: Sequence[Float64[np.ndarray, " _seeds"]]) -> Spread:
        """Return √(Σ s²/k) over arms; an arm with one seed takes the mean variance of the others."""
        dof = sum(len(values) - 1 for values in per_seed)
        if dof == 0:
            return cls(0.0, 0)
        known = np.mean([values.var(ddof=1) for values in per_seed if len(values) > 1])
        variances = [(values.var(ddof=1) if len(values) > 1 else known) / len(values) for values in per_seed]
        return cls(float(np.sqrt(np.sum(variances))), dof)

    def half_width(self, alpha: float) -> float:
        """Return t(dof) · se for the level 1 - `alpha`."""
        return float(stdtrit(self.dof, 1 - alpha / 2) * self.se) if self.dof else 0.0

    def around(self, value: float, alpha: float, within: tuple[float | None, float | None]) -> tuple[float, float]:
        """Return the interval of level 1 - `alpha` around a value, which does not leave a range; None: unbounded."""
        half, (lowest, highest) = self.half_width(alpha), within
        low = value - half if lowest is None else max(value - half, lowest)
        high = value + half if highest is None else min(value + half, highest)
        return low, high


@dataclass(frozen=True)
class Bounds:
    """The distribution that gives an interval: sorted finite replicates around `value`, and further sources.

    `correction` is the factor that the variance of the replicates lacks, G / (G - 1) for G groups; `dof` are its
    degrees of freedom.
    """

    value: float
    replicates: Float64[np.ndarray, " b"]
    dof: float
    correction: float
    spreads: tuple[Spread, ...]

    @classmethod
    def of_groups(
        cls, value: float, replicates: Float64[np.ndarray, " b"], n_groups: int, spreads: tuple[Spread, ...]
    ) -> Bounds:
        """Return the bounds of resamples of `n_groups` groups; replicates that are not finite are left out."""
        correction = n_groups / (n_groups - 1) if n_groups > 1 else float("nan")
        return cls(value, np.sort(replicates[np.isfinite(replicates)]), n_groups - 1, correction, spreads)

    @classmethod
    def of_arms(
        cls,
        value: float,
        sums: list[Float64[np.ndarray, "_trainings groups k"]],
        statistic: Statistic,
        spread: Spread,
        n_resamples: int,
        rng: np.random.Generator,
    ) -> Bounds:
        """Return the bounds of an estimate of one arm, or of the difference of two, from resamples of groups.

        Args:
            value: the estimate.
            sums: the statistics of each arm, summed over the images of each group; the arms share the resamples.
            statistic: function of summed statistics, vectorised over leading axes.
            spread: the spread over trainings.
            n_resamples: number of resamples of whole groups; none are drawn of a single group.
            rng: draws the resamples.
        """
        n_groups = sums[0].shape[-2]
        drawn = replicates(sums, statistic, n_resamples, rng) if n_groups > 1 else np.zeros((len(sums), 0))
        return cls.of_groups(value, drawn[0] if len(sums) == 1 else drawn[0] - drawn[1], n_groups, (spread,))

    @property
    def se(self) -> float:
        """The standard error over all sources."""
        groups = self.replicates.var() * self.correction
        return float(np.sqrt(groups + sum(spread.se**2 for spread in self.spreads)))

    def at(self, alpha: float) -> tuple[float, float]:
        """Return the bounds of the interval of level 1 - `alpha`.

        Percentile half-widths are multiplied by t(dof) / z · √correction, which is 1 for many groups, because
        percentiles of few groups are too narrow. The half-widths t(dof) · se of the other sources are added in
        quadrature.
        """
        tail = alpha / 2
        stretch = few_groups(self.dof, self.correction, tail) if alpha < 1 else 0.0
        last = len(self.replicates) - 1
        low, high = np.interp([tail * last, (1 - tail) * last], np.arange(last + 1), self.replicates)
        others = float(np.sqrt(sum(spread.half_width(alpha) ** 2 for spread in self.spreads)))
        below, above = max(self.value - low, 0.0) * stretch, max(high - self.value, 0.0) * stretch
        return float(self.value - np.hypot(below, others)), float(self.value + np.hypot(above, others))

    def p_value(self) -> float:
        """Return the smallest alpha whose interval excludes 0, by bisection, and at least 2 / (replicates + 1)."""
        smallest = 2 / (len(self.replicates) + 1)
        low, high = smallest, 1.0
        if self._excludes_zero(low):
            return low
        for _ in range(40):
            middle = (low + high) / 2
            low, high = (low, middle) if self._excludes_zero(middle) else (middle, high)
        return high

    def _excludes_zero(self, alpha: float) -> bool:
        lowest, highest = self.at(alpha)
        return lowest > 0 or highest < 0


def few_groups(dof: float, correction: float, tail: float) -> float:
    """Return t(dof) / z · √correction at a tail probability: the factor for percentile half-widths of few groups.

    >>> round(few_groups(4, 5 / 4, 0.025), 3), round(few_groups(999, 1000 / 999, 0.025), 3)
    (1.584, 1.002)
    """
    return float(stdtrit(dof, 1 - tail) / ndtri(1 - tail) * np.sqrt(correction))
