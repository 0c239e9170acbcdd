"""Cluster resampling: replicates of a statistic when whole groups are drawn with replacement."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from jaxtyping import Float64, Int64, Real, Shaped

from bench.errors import DataError

# A statistic of summed sufficient statistics, vectorised over leading axes: [..., k] -> [...].
Statistic = Callable[[Float64[np.ndarray, "*batch k"]], Float64[np.ndarray, "*batch"]]

# The slide or patient of each image.
Groups = Sequence[str] | Sequence[int] | Shaped[np.ndarray, " _images"]

# Cells of the count matrix that are in memory at the same time (16 MB).
_CELLS = 1 << 21


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
    order = np.argsort(codes, kind="stable")
    starts = np.searchsorted(codes[order], np.arange(len(labels)))
    if not len(labels):
        return np.zeros((*array.shape[:-2], 0, array.shape[-1]))
    return np.asarray(np.add.reduceat(array[..., order, :], starts, axis=-2))


def draws(n_groups: int, n_resamples: int, rng: np.random.Generator) -> Iterator[Int64[np.ndarray, "b groups"]]:
    """Yield the number of times that each group occurs in each resample, in blocks of resamples.

    >>> (counts,) = draws(3, 4, np.random.default_rng(0))
    >>> counts.sum(axis=1).tolist()
    [3, 3, 3, 3]
    """
    block = max(1, _CELLS // max(n_groups, 1))
    for start in range(0, n_resamples, block):
        n = min(block, n_resamples - start)
        drawn = rng.integers(n_groups, size=(n, n_groups))
        drawn += np.arange(0, n * n_groups, n_groups)[:, None]
        yield np.bincount(drawn.ravel(), minlength=n * n_groups).reshape(n, n_groups)


def replicates(
    arms: list[Float64[np.ndarray, "_seeds groups k"]],
    statistic: Statistic,
    n_resamples: int,
    rng: np.random.Generator,
) -> Float64[np.ndarray, "arms b"]:
    """Return each arm's statistic, averaged over its seeds, under the same resamples of groups.

    >>> sums = np.array([[[1.0, 1.0], [1.0, 1.0]]])  # two groups that are alike
    >>> replicates([sums], mean_of, 3, np.random.default_rng(0)).tolist()
    [[1.0, 1.0, 1.0]]
    """
    columns = []
    for counts in draws(arms[0].shape[1], n_resamples, rng):
        weights = counts.astype(np.float64)
        columns.append(np.stack([statistic(weights @ sums).mean(axis=0) for sums in arms]))
    return np.concatenate(columns, axis=1)
