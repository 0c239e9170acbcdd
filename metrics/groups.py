"""Statistics of a test set that are functions of sums over images, and their sums over groups (slides, patients)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Real, Shaped

from bench.errors import DataError

# A function of summed sufficient statistics, vectorised over leading axes: [..., k] -> [...].
OfSums = Callable[[Float64[np.ndarray, "*batch k"]], Float64[np.ndarray, "*batch"]]
# The denominators of the ratios that such a number is the mean of: [..., k] -> [..., ratios].
Weight = Callable[[Float64[np.ndarray, "*batch k"]], Float64[np.ndarray, "*batch ratios"]]

# The slide or patient of each image.
Groups = Sequence[str] | Sequence[int] | Shaped[np.ndarray, " _images"]


@dataclass(frozen=True)
class Statistic:
    """A number that is computed from summed sufficient statistics, and what a group weighs in it.

    `of` maps sums `[..., k]` to numbers `[...]`. `weight` maps them to the denominators `[..., ratios]` of the ratios
    that the number is, or is the mean of, such as the count of a mean or the nuclei of a class. A group's share of them
    is its share of the number.
    """

    of: OfSums
    weight: Weight

    def __call__(self, sums: Float64[np.ndarray, "*batch k"]) -> Float64[np.ndarray, "*batch"]:
        """Return the numbers of sums."""
        return np.asarray(self.of(sums))

    def shares(self, sums: Float64[np.ndarray, "*batch groups k"]) -> Float64[np.ndarray, "*batch groups"]:
        """Return each group's share of the number, averaged over its ratios; shares add up to 1, or are all 0.

        >>> MEAN.shares(np.array([[0.5, 1.0], [0.2, 3.0]])).tolist()
        [0.25, 0.75]
        """
        weights = np.asarray(self.weight(sums), dtype=np.float64)
        totals = weights.sum(axis=-2, keepdims=True)
        shares = np.divide(weights, totals, out=np.zeros_like(weights), where=totals > 0)
        defined = np.count_nonzero(totals > 0, axis=-1)
        return np.asarray(shares.sum(axis=-1) / np.maximum(defined, 1))


def mean_statistics(values: Real[np.ndarray, "*batch"]) -> Float64[np.ndarray, "*batch 2"]:
    """Return sums and counts of the values of images, whose :func:`mean_of` is the mean without NaN values.

    >>> mean_statistics(np.array([0.5, np.nan])).tolist()
    [[0.5, 1.0], [0.0, 0.0]]
    """
    array = np.asarray(values, dtype=np.float64)
    defined = ~np.isnan(array)
    return np.stack([np.where(defined, array, 0.0), defined.astype(np.float64)], axis=-1)


def mean_of(sums: Float64[np.ndarray, "*batch 2"]) -> Float64[np.ndarray, "*batch"]:
    """Return sum / count over the last axis, a mean over images; NaN if nothing was counted.

    >>> mean_of(np.array([[3.0, 4.0], [0.0, 0.0]])).tolist()
    [0.75, nan]
    """
    total, count = sums[..., 0], sums[..., 1]
    return np.asarray(np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0))


MEAN = Statistic(mean_of, lambda sums: sums[..., 1:])
"""The mean over images, of :func:`mean_statistics`."""


def group_sums(
    statistics: Real[np.ndarray, "*seeds images k"], groups: Groups
) -> Float64[np.ndarray, "*seeds groups k"]:
    """Return the sums of the statistics of each group's images, with groups in ascending order of their label.

    Raises:
        DataError: groups and images differ in number, or a statistic is NaN or infinite.

    >>> group_sums(np.array([[1, 1], [2, 1], [4, 1]]), ["b", "a", "b"]).tolist()
    [[2.0, 1.0], [5.0, 2.0]]
    """
    array = np.asarray(statistics, dtype=np.float64)
    if array.ndim < 2 or array.shape[-2] != len(groups):
        raise DataError(
            "Statistics must be of shape (images, k), with one group per image",
            got=f"statistics of shape {array.shape}, {len(groups)} groups",
        )
    if not np.isfinite(array).all():
        raise DataError(
            "The sufficient statistics are not finite",
            got=f"{np.count_nonzero(~np.isfinite(array))} NaN or infinite entries",
            fix="turn values that may be NaN into sums and counts with mean_statistics",
        )
    labels, codes = np.unique(np.asarray(groups), return_inverse=True)
    if not len(labels):
        return np.zeros((*array.shape[:-2], 0, array.shape[-1]))
    order = np.argsort(codes, kind="stable")
    starts = np.searchsorted(codes[order], np.arange(len(labels)))
    return np.asarray(np.add.reduceat(array[..., order, :], starts, axis=-2))
