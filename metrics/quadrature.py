"""Bounds of an estimate from resamples of groups and, in quadrature, from the spread over training seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from scipy.special import ndtri, stdtrit


@dataclass(frozen=True)
class SeedSpread:
    """Standard error of an estimate over training seeds, with its degrees of freedom (0: one seed an arm)."""

    se: float
    dof: int

    @classmethod
    def of(cls, per_seed: Sequence[Float64[np.ndarray, " seeds"]]) -> SeedSpread:
        """Return √(Σ s²/k) over arms; an arm with one seed is given the mean variance of the others."""
        dof = sum(len(values) - 1 for values in per_seed)
        if dof == 0:
            return cls(0.0, 0)
        known = np.mean([values.var(ddof=1) for values in per_seed if len(values) > 1])
        variances = [(values.var(ddof=1) if len(values) > 1 else known) / len(values) for values in per_seed]
        return cls(float(np.sqrt(np.sum(variances))), dof)


@dataclass(frozen=True)
class Bounds:
    """The distribution an interval is read from: sorted finite replicates around `value`, groups and seeds."""

    value: float
    replicates: Float64[np.ndarray, " b"]
    n_groups: int
    seeds: SeedSpread

    @property
    def se(self) -> float:
        """Standard error over groups and seeds; the bootstrap's variance lacks a factor G / (G - 1)."""
        groups = self.replicates.var() * self.n_groups / (self.n_groups - 1)
        return float(np.sqrt(groups + self.seeds.se**2))

    def at(self, alpha: float) -> tuple[float, float]:
        """Return the bounds of the interval of level 1 - `alpha`.

        Percentile half-widths are stretched by t(G-1) / z · √(G / (G - 1)), 1 for many groups: percentiles of
        few groups are too narrow. The half-width t(dof) · se of the seeds is added in quadrature.
        """
        tail = alpha / 2
        stretch = stdtrit(self.n_groups - 1, 1 - tail) / ndtri(1 - tail) if alpha < 1 else 0.0
        stretch *= np.sqrt(self.n_groups / (self.n_groups - 1))
        last = len(self.replicates) - 1
        low, high = np.interp([tail * last, (1 - tail) * last], np.arange(last + 1), self.replicates)
        seeds = stdtrit(self.seeds.dof, 1 - tail) * self.seeds.se if self.seeds.dof else 0.0
        below, above = max(self.value - low, 0.0) * stretch, max(high - self.value, 0.0) * stretch
        return float(self.value - np.hypot(below, seeds)), float(self.value + np.hypot(above, seeds))

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
