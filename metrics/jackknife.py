"""How much each group moves a number: the number without one group after the other, under every seed.

For a ratio Σn / Σd, the number without group g is θ - e_g / (D - d_g), with e_g = n_g - θ d_g and D = Σd. With the
group's share h_g = d_g / D, the sum of (1 - h_g) (θ - θ without g)² is therefore Σ e_g² / (1 - h_g) / D²: the
variance of groups as units, corrected for their leverage as in CR2 (Bell & McCaffrey, Survey Methodology 2002). For
groups of one size it is Student's s² / G. Its degrees of freedom are those of as many groups of one size as contribute
to the number, n_eff = 1 / Σh² = (Σd)² / Σd², less one (Kish, Survey Sampling, 1965, §8.2).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Real, Shaped

from metrics.estimate import Spread
from metrics.groups import Groups, Statistic, group_sums


@dataclass(frozen=True)
class Jackknife:
    """A number of a test set under every seed, and what each group contributes to it.

    `values` are the numbers under training seeds or, with a second axis, under training and generation seeds;
    `influences` the number minus the number without the group (NaN if it is then undefined), `shares` each group's
    share of the number's denominator, and `labels` the groups.
    """

    values: Float64[np.ndarray, "*seeds"]
    influences: Float64[np.ndarray, "*seeds groups"]
    shares: Float64[np.ndarray, "*seeds groups"]
    labels: Shaped[np.ndarray, " groups"]

    @classmethod
    def of(cls, statistics: Real[np.ndarray, "*seeds images k"], groups: Groups, statistic: Statistic) -> Jackknife:
        """Leave out one group after the other.

        Args:
            statistics: sufficient statistics, one row per image, finite, after one axis of training seeds, and a second
                one of generation seeds if each is used with each.
            groups: slide or patient of each image.
            statistic: makes the number of summed statistics.

        Raises:
            DataError: groups and images differ in number, or a statistic is NaN or infinite.

        >>> from metrics.groups import MEAN, mean_statistics
        >>> found = Jackknife.of(mean_statistics(np.array([[1.0, 2.0, 6.0]])), ["a", "b", "b"], MEAN)
        >>> found.values.tolist(), found.influences.tolist(), found.shares.round(2).tolist()
        ([3.0], [[-1.0, 2.0]], [[0.33, 0.67]])
        """
        sums = group_sums(statistics, groups)
        whole = sums.sum(axis=-2)
        values = np.asarray(statistic(whole))
        without = np.asarray(statistic(whole[..., None, :] - sums))
        return cls(values, values[..., None] - without, statistic.shares(sums), np.unique(np.asarray(groups)))

    def under(self, place: int) -> Jackknife:
        """Return what is known under one training seed."""
        cut = slice(place, place + 1)
        return Jackknife(self.values[cut], self.influences[cut], self.shares[cut], self.labels)

    @property
    def value(self) -> float:
        """The mean over seeds."""
        return float(self.values.mean())

    @property
    def mean_influences(self) -> Float64[np.ndarray, " groups"]:
        """The influences of groups on the mean over seeds."""
        return np.asarray(self.influences.reshape(-1, len(self.labels)).mean(axis=0))

    @property
    def mean_shares(self) -> Float64[np.ndarray, " groups"]:
        """The shares of groups in the mean over seeds."""
        return np.asarray(self.shares.reshape(-1, len(self.labels)).mean(axis=0))


def effective_number(shares: Float64[np.ndarray, " groups"]) -> float:
    """Return how many groups of one size contribute as much as these, (Σw)² / Σw²; 0 if none contributes.

    >>> effective_number(np.array([0.5, 0.5, 0.0])), round(effective_number(np.array([0.8, 0.1, 0.1])), 2)
    (2.0, 1.52)
    """
    squares = float((shares**2).sum())
    return float(shares.sum() ** 2 / squares) if squares else 0.0


def spread_of_groups(influences: Float64[np.ndarray, " groups"], shares: Float64[np.ndarray, " groups"]) -> Spread:
    """Return the standard error of a number over groups, and its degrees of freedom.

    >>> values = np.array([1.0, 2.0, 4.0])  # three groups of one size: s / √3, with 2 degrees of freedom
    >>> found = spread_of_groups((values - values.mean()) / 2, np.full(3, 1 / 3))
    >>> round(found.se, 3), round(found.dof, 3)
    (0.882, 2.0)
    """
    variance = float(((1 - shares) * influences**2).sum())
    return Spread(float(np.sqrt(variance)), effective_number(shares) - 1)
