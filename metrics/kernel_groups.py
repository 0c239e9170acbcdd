"""Kernel distance of images of slides: pairs within a slide are left out, and slides are left out for its error.

Two patches of one slide are alike, so pairs of them raise the mean of the kernel within a set by about 1 / G for G
slides, which makes two samples of one population seem different.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float64, Int64, Shaped

from bench.errors import DataError
from metrics.features import check_pair
from metrics.groups import Groups
from metrics.kernel import BLOCK, kernel
from metrics.sources import LeftOut


class GroupedKernelDistance(NamedTuple):
    """A kernel distance over pairs of different groups, over all pairs, and without each group.

    `value` is 0 in expectation for two samples of one population, whatever the slides do. `all_pairs` is never
    negative: it grows with the differences between slides and falls with their number.
    """

    value: float
    all_pairs: float
    left_out: LeftOut


def grouped_kernel_distance(
    real: Float[np.ndarray, "n d"],
    synthetic: Float[np.ndarray, "m d"],
    real_groups: Groups,
    synthetic_groups: Groups,
) -> GroupedKernelDistance:
    """Return the squared MMD under k(x, y) = (x·y / d + 1)³ without pairs of images of one group.

    KD = mean of k over pairs of real images of different groups + the same for synthetic - 2 · mean of k over all
    real-synthetic pairs. If each image is a group of its own, it equals :func:`metrics.kernel.kernel_distance`. A side
    of a single group uses all its pairs of different images.

    Args:
        real: one row per image.
        synthetic: one row per image.
        real_groups: slide or patient of each real image.
        synthetic_groups: group each synthetic image derives from. A label that occurs on both sides is one group and
            is left out on both at the same time; without common labels the two sides are independent samples.

    Returns:
        the values, and the pseudo-values G · KD - (G - 1) · KD without g of the groups g of each independent side,
        which are NaN if a side keeps fewer than two groups.

    Raises:
        DataError: the features are invalid, or groups and rows differ in number.

    >>> real, synthetic = np.array([[0.0], [0.1], [0.2]]), np.array([[0.3], [0.4], [0.6]])
    >>> round(grouped_kernel_distance(real, synthetic, ["a", "b", "c"], ["x", "y", "z"]).value, 3)
    0.391
    """
    x, y = check_pair(real, synthetic)
    if len(real_groups) != len(x) or len(synthetic_groups) != len(y):
        raise DataError(
            "There must be one group per row of features",
            got=f"{len(real_groups)} for {len(x)} real, {len(synthetic_groups)} for {len(y)} synthetic",
        )
    first, second = _Side.of(x, real_groups), _Side.of(y, synthetic_groups)
    between = first.sums(second)
    labels = np.union1d(first.labels, second.labels)
    cross = _Between.of(first, second, between, labels)
    value = first.mean_of_pairs() + second.mean_of_pairs() - 2 * cross.mean
    without = first.without(labels) + second.without(labels) - 2 * cross.without
    in_first, in_second = np.isin(labels, first.labels), np.isin(labels, second.labels)
    independent = not (in_first & in_second).any()
    sides = [in_first, in_second] if independent else [np.ones(len(labels), dtype=bool)]
    return GroupedKernelDistance(
        value=value,
        all_pairs=first.mean_of_all() + second.mean_of_all() - 2 * cross.mean,
        left_out=LeftOut(
            value,
            tuple(_pseudo_values(value, without[side], labels[side]) for side in sides),
            _counted_twice(first, second, between) if independent else (0.0, 0.0),
        ),
    )


class _Side(NamedTuple):
    """The rows of one set in the order of their groups, and the kernel summed over the pairs of two groups."""

    x: Float64[np.ndarray, "n d"]
    labels: Shaped[np.ndarray, " g"]
    sizes: Int64[np.ndarray, " g"]
    within: Float64[np.ndarray, "g g"]

    @classmethod
    def of(cls, x: Float64[np.ndarray, "n d"], groups: Groups) -> _Side:
        names = np.asarray(groups).astype(str)
        labels, codes, sizes = np.unique(names, return_inverse=True, return_counts=True)
        side = cls(x[np.argsort(codes, kind="stable")], labels, sizes, np.empty((0, 0)))
        return side._replace(within=side.sums(side))

    def sums(self, other: _Side) -> Float64[np.ndarray, "g h"]:
        """Return the sums of the kernel over the pairs of each of these groups with each group of another side."""
        columns = np.concatenate([[0], np.cumsum(other.sizes)[:-1]])
        of_row = np.repeat(np.arange(len(self.sizes)), self.sizes)
        found = np.zeros((len(self.sizes), len(other.sizes)))
        for start in range(0, len(self.x), BLOCK):
            rows = slice(start, start + BLOCK)
            by_column = np.add.reduceat(kernel(self.x[rows], other.x), columns, axis=1)
            groups, starts = np.unique(of_row[rows], return_index=True)
            found[groups] += np.add.reduceat(by_column, starts, axis=0)
        return found

    def mean_of_all(self) -> float:
        return float(self.within.sum() / len(self.x) ** 2)

    def mean_of_pairs(self) -> float:
        """Return the mean of the kernel over pairs of different groups; of one group, of different images."""
        n = len(self.x)
        if len(self.labels) == 1:
            itself = float((((self.x**2).mean(axis=1) + 1) ** 3).sum())
            return (float(self.within.sum()) - itself) / (n * (n - 1))
        apart = float(self.within.sum() - np.trace(self.within))
        return apart / float(n**2 - (self.sizes**2).sum())

    def without(self, labels: Shaped[np.ndarray, " all"]) -> Float64[np.ndarray, " all"]:
        """Return the mean over pairs without each group; NaN if fewer than two remain."""
        own = np.diag(self.within)
        apart = self.within.sum() - own.sum() - 2 * (self.within.sum(axis=1) - own)
        squares = (self.sizes**2).sum() - self.sizes**2
        pairs = (len(self.x) - self.sizes) ** 2 - squares
        kept = np.divide(apart, pairs, out=np.full(len(own), np.nan), where=pairs > 0)
        found = np.full(len(labels), self.mean_of_pairs())
        found[np.isin(labels, self.labels)] = kept
        return found


class _Between(NamedTuple):
    """The mean of the kernel over real-synthetic pairs, and that without each group."""

    mean: float
    without: Float64[np.ndarray, " all"]

    @classmethod
    def of(
        cls, first: _Side, second: _Side, sums: Float64[np.ndarray, "g h"], labels: Shaped[np.ndarray, " all"]
    ) -> _Between:
        rows, columns, own = (np.zeros(len(labels)) for _ in range(3))
        n, m = np.full(len(labels), len(first.x)), np.full(len(labels), len(second.x))
        in_first, in_second = np.isin(labels, first.labels), np.isin(labels, second.labels)
        rows[in_first], columns[in_second] = sums.sum(axis=1), sums.sum(axis=0)
        n[in_first] -= first.sizes
        m[in_second] -= second.sizes
        _, of_first, of_second = np.intersect1d(first.labels, second.labels, return_indices=True)
        own[in_first & in_second] = sums[of_first, of_second]
        left, pairs = sums.sum() - rows - columns + own, n * m
        without = np.divide(left, pairs, out=np.full(len(labels), np.nan), where=pairs > 0)
        return cls(float(sums.sum() / (len(first.x) * len(second.x))), without)


def _pseudo_values(
    value: float, without: Float64[np.ndarray, " g"], labels: Shaped[np.ndarray, " g"]
) -> dict[str, float]:
    n = len(labels)
    return {str(label): n * value - (n - 1) * float(left) for label, left in zip(labels, without, strict=True)}


def _counted_twice(first: _Side, second: _Side, between: Float64[np.ndarray, "g h"]) -> tuple[float, float]:
    """Return the variance that comes from pairs of groups: of pairs of real groups, and of all other pairs.

    A jackknife counts this part twice (Efron & Stein, Ann. Statist. 1981), and under equal distributions it is the
    whole variance.
    """
    if min(len(first.sizes), len(second.sizes)) < 4:
        return 0.0, 0.0
    means = between / np.outer(first.sizes, second.sizes)
    left = means - means.mean(axis=0) - means.mean(axis=1, keepdims=True) + means.mean()
    g, h = means.shape
    crossing = 4 * float((left**2).sum()) / (g * h * (g - 1) * (h - 1))
    return _of_pairs(first), _of_pairs(second) + crossing


def _of_pairs(side: _Side) -> float:
    """Return the variance of a mean over pairs of groups that neither group of a pair explains on its own."""
    g = len(side.sizes)
    means = side.within / np.outer(side.sizes, side.sizes)
    np.fill_diagonal(means, 0)
    mean = means.sum() / (g * (g - 1))
    own = (means.sum(axis=1) - (g - 1) * mean) / (g - 2)
    left = means - mean - own - own[:, None]
    np.fill_diagonal(left, 0)
    return 2 * float((left**2).sum()) / (g * (g - 3) * g * (g - 1))
