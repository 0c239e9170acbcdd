"""An estimate whose error has several sources: test groups, training seeds, generation seeds, folds.

The variance of the estimate is the sum of the sources', and its degrees of freedom are Satterthwaite's. The interval is
never narrower than that of one source, because few seeds or folds may agree by chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit, stdtr, stdtrit

from metrics.power import smallest_detectable

Range = tuple[float | None, float | None]


@dataclass(frozen=True)
class Spread:
    """Standard error of an estimate from one source, with its degrees of freedom."""

    se: float
    dof: float

    def half_width(self, alpha: float) -> float:
        """Return t(dof) · se for the level 1 - `alpha`."""
        return float(stdtrit(self.dof, 1 - alpha / 2) * self.se)

    def p_value(self, value: float) -> float:
        """Return the two-sided p-value of Student's test that a value is 0."""
        return float(2 * stdtr(self.dof, -abs(value) / self.se)) if self.se else float(value == 0)


@dataclass(frozen=True)
class Estimate:
    """A value, the spread of all sources together, and those of the sources that the interval is not narrower than."""

    value: float
    total: Spread
    parts: tuple[Spread, ...] = ()

    @classmethod
    def of(cls, value: float, base: Sequence[Spread], seeds: Sequence[Spread] = (), shared: float = 0.0) -> Estimate:
        """Return an estimate of independent sources.

        Args:
            value: the estimate.
            base: sources that add up.
            seeds: sources over seeds, of which the variance `shared` is part of the first base as well: what differs
                between groups and between seeds at the same time. It is subtracted once; not where a source has only
                one degree of freedom, which says too little about it.
            shared: that variance.
        """
        of_seeds = sum(spread.se**2 for spread in seeds)
        known = all(spread.dof >= 2 for spread in seeds)
        excess = max(of_seeds - shared, 0.0) if known else of_seeds
        variance = sum(spread.se**2 for spread in base) + excess
        sources = (*base, *seeds)
        total = Spread(float(np.sqrt(variance)), satterthwaite(variance, sources))
        return cls(value, total, tuple(base) + (tuple(seeds) if excess else ()))

    def half_width(self, alpha: float) -> float:
        """Return the half-width of the interval of level 1 - `alpha`, without regard to the range of the metric."""
        return max(spread.half_width(alpha) for spread in (self.total, *self.parts))

    def p_value(self) -> float:
        """Return the smallest alpha whose interval excludes 0."""
        return max(spread.p_value(self.value) for spread in (self.total, *self.parts))

    def detectable(self) -> float:
        """Return the smallest difference that an interval like this excludes from 0 in 80 % of repetitions."""
        return max(smallest_detectable(spread.se, spread.dof) for spread in (self.total, *self.parts))


def satterthwaite(variance: float, sources: Sequence[Spread]) -> float:
    """Return the degrees of freedom of a variance that is estimated from independent sources.

    They are between those of the source with the fewest and the sum of all.

    >>> satterthwaite(2.0, [Spread(1.0, 4), Spread(1.0, 4)])
    8.0
    """
    lowest, highest = min(spread.dof for spread in sources), sum(spread.dof for spread in sources)
    known = sum(spread.se**4 / spread.dof for spread in sources)
    return float(np.clip(variance**2 / known, lowest, highest)) if known else float(highest)


def around(value: float, half: float, bounds: Range) -> tuple[float, float]:
    """Return the interval around a value that does not leave the range of the metric.

    If the range has two ends, the interval is symmetric in the logit of the value's place in it, so that it is longer
    towards the middle; otherwise it is value ± half-width, cut off at the end of the range.

    >>> low, high = around(0.9, 0.1, (0.0, 1.0))
    >>> round(low, 3), round(high, 3)
    (0.748, 0.965)
    >>> around(2.0, 3.0, (0.0, None))
    (0.0, 5.0)
    """
    lowest, highest = bounds
    if lowest is None or highest is None:
        low = value - half if lowest is None else max(value - half, lowest)
        return low, value + half if highest is None else min(value + half, highest)
    width = highest - lowest
    place = (value - lowest) / width
    if not 0 < place < 1:
        return max(value - half, lowest), min(value + half, highest)
    reach = half / width / (place * (1 - place))
    low, high = (lowest + width * float(expit(logit(place) + sign * reach)) for sign in (-1, 1))
    return low, high


def at_the_end(value: float, bounds: Range, n_effective: float, alpha: float) -> tuple[float, float] | None:
    """Return the interval of a number that is at an end of its range in every group; None if it is at no end.

    The bound of Clopper and Pearson for no event in n groups, range · (1 - (alpha / 2)^(1 / n)): with the mean any
    nearer to the middle, so many groups at the end would be less likely than alpha / 2, whatever their distribution.

    >>> low, high = at_the_end(0.0, (0.0, 1.0), 14, 0.05)
    >>> low, round(high, 3)
    (0.0, 0.232)
    """
    lowest, highest = bounds
    if lowest is None or highest is None or value not in (lowest, highest):
        return None
    reach = (highest - lowest) * (1 - (alpha / 2) ** (1 / n_effective))
    return (lowest, lowest + reach) if value == lowest else (highest - reach, highest)
