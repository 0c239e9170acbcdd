"""Numbers of several readers who look at the same images, with intervals for other images and for other readers.

Readers and images are crossed, as training seeds and test images are: every reader sees every image. The number of
each reader is therefore that of a seed, and slides are groups (`metrics.uncertainty`). An interval for these readers
covers only other images; one for other readers is at least as wide, and with two readers very wide.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float64, Real
from scipy.optimize import brentq

from metrics.estimate import Range
from metrics.groups import MEAN, Groups, Statistic, mean_statistics
from metrics.jackknife import Jackknife
from metrics.uncertainty import Interval, arm_interval, paired_difference

NAN = float("nan")
FEWEST = 2
"""Readers that an interval for other readers needs."""


@dataclass(frozen=True)
class ReaderNumber:
    """A number with its interval for these readers (other images) and for other readers (and other images).

    If readers skipped different images, `these.value` weights answers equally and `others.value` readers.

    `p_these` and `p_others` are two-sided p-values of the hypothesis that the number is that of chance; NaN where
    there is no chance to compare with, or no interval.
    """

    these: Interval
    others: Interval
    p_these: float = NAN
    p_others: float = NAN

    @property
    def widest(self) -> Interval:
        """The interval for other readers if there are several readers, else the one for this reader."""
        return self.others if self.others.n_seeds >= FEWEST else self.these


def of_readers(
    statistics: Real[np.ndarray, "readers images k"],
    groups: Groups,
    statistic: Statistic = MEAN,
    *,
    bounds: Range = (0.0, 1.0),
    level: float = 0.95,
    chance: float | None = None,
) -> ReaderNumber:
    """Return a number over readers and images.

    Args:
        statistics: sufficient statistics of each reader's answers, one row per image; all 0 where a reader did not
            answer.
        groups: slide or patient of each image; each image its own group if they are not known.
        statistic: makes the number of summed statistics.
        bounds: range of the number.
        level: coverage of the intervals.
        chance: the number that answers by chance would give.

    Raises:
        DataError: groups and images differ in number.

    >>> answers = np.array([[1, 1, 0, 1], [1, 0, 0, 1]])  # two readers, four images
    >>> found = of_readers(mean_statistics(answers), ["a", "b", "c", "d"], chance=0.5)
    >>> found.these.value, found.these.method, found.others.method, found.others.high - found.others.low > 0.9
    (0.625, 'groups', 'groups+seeds', True)
    """
    each = Jackknife.of(statistics, groups, statistic)
    pooled = Jackknife.of(np.asarray(statistics).sum(axis=0, keepdims=True), groups, statistic)
    these, others = (arm_interval(arm, bounds=bounds, level=level) for arm in (pooled, each))
    if len(each.values) < FEWEST:
        reason = f"no interval for other readers: it needs at least {FEWEST} readers"
        others = replace(others, se=NAN, low=NAN, high=NAN, reason=reason)
    if chance is None:
        return ReaderNumber(these, others)
    p_these, p_others = (
        NAN if np.isnan(interval.low) else _p_value(arm, chance, bounds)
        for arm, interval in ((pooled, these), (each, others))
    )
    return ReaderNumber(these, others, p_these, p_others)


def _balanced(sums: Float64[np.ndarray, "*batch 4"]) -> Float64[np.ndarray, "*batch"]:
    shares = [
        np.divide(sums[..., i], sums[..., i + 1], out=np.full(sums.shape[:-1], np.nan), where=sums[..., i + 1] > 0)
        for i in (0, 2)
    ]
    return np.asarray((shares[0] + shares[1]) / 2)


BALANCED = Statistic(_balanced, lambda sums: sums[..., [1, 3]])
"""The mean of two shares, of :func:`balanced_statistics`."""


def balanced_statistics(
    values: Float64[np.ndarray, "readers images"], first: Bool[np.ndarray, " images"]
) -> Float64[np.ndarray, "readers images 4"]:
    """Return the statistics of the mean of two shares: that of the images of a first kind, and that of the others.

    Args:
        values: 1 for a success, 0 for none, NaN for no answer.
        first: whether an image is of the first kind.

    >>> sums = balanced_statistics(np.array([[1.0, 0.0, 1.0, 1.0]]), np.array([True, True, False, False])).sum(axis=1)
    >>> float(BALANCED(sums)[0])
    0.75
    """
    own = mean_statistics(values)
    kind = np.asarray(first, dtype=np.float64)[:, None]
    return np.concatenate([own * kind, own * (1 - kind)], axis=-1)


def _p_value(arm: Jackknife, chance: float, bounds: Range) -> float:
    """Return the p-value of a paired comparison with a number that is chance for every reader, in every group."""
    constant = replace(arm, values=np.full_like(arm.values, chance), influences=np.zeros_like(arm.influences))
    found = paired_difference(arm, constant, bounds=bounds).p_value
    return _by_interval(arm, chance, bounds) if np.isnan(found) else found


def _by_interval(arm: Jackknife, chance: float, bounds: Range) -> float:
    """Return the p-value of answers that do not vary: the smallest whose interval does not hold chance."""

    def distance(p: float) -> float:
        interval = arm_interval(arm, bounds=bounds, level=1 - p)
        return max(interval.low - chance, chance - interval.high)

    least, most = 1e-15, 1 - 1e-9
    if distance(most) <= 0:
        return 1.0
    return least if distance(least) > 0 else float(brentq(distance, least, most))
