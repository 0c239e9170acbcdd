"""Kernel distance (the KID statistic): unbiased squared MMD of two feature sets under a cubic kernel."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float64, Int64

from bench.errors import DataError
from metrics.features import check_pair
from metrics.groups import Groups

# Rows per block of the kernel matrix: memory stays O(block x n).
_BLOCK = 1024


@dataclass(frozen=True)
class KernelDistance:
    """A kernel distance: 0 in expectation for equal distributions, may be negative, no upper bound."""

    value: float
    n_real: int
    n_synthetic: int
    d: int


class KernelDistanceError(NamedTuple):
    """A kernel distance and its jackknife standard error (NaN if a set has fewer than two groups)."""

    value: float
    se: float


def kernel_distance(real: Float[np.ndarray, "n d"], synthetic: Float[np.ndarray, "m d"]) -> KernelDistance:
    """Return the unbiased squared MMD under k(x, y) = (x·y / d + 1)³, over all pairs.

    KD = mean of k over pairs of different real images + the same for synthetic - 2 · mean of k over
    real-synthetic pairs (Bińkowski et al., ICLR 2018, eq. 4). clean-fid and torch-fidelity average subsets of
    it; see :func:`kernel_distance_subsets`.

    Raises:
        DataError: there are fewer than two rows, NaN or infinite features, or the widths differ.

    >>> real, synthetic = np.array([[0.0], [1.0]]), np.array([[1.0], [2.0]])
    >>> kernel_distance(real, synthetic).value  # 1 + 27 - 2 · (1 + 1 + 8 + 27) / 4
    9.5
    """
    x, y = check_pair(real, synthetic)
    value = _unbiased(_within(x).sum(), _within(y).sum(), _between(x, y)[0].sum(), len(x), len(y))
    return KernelDistance(value=float(value), n_real=len(x), n_synthetic=len(y), d=x.shape[1])


def subset_indices(
    n_real: int, n_synthetic: int, *, rng: np.random.Generator, n_subsets: int = 100, subset_size: int = 1000
) -> Iterator[tuple[Int64[np.ndarray, " s"], Int64[np.ndarray, " s"]]]:
    """Yield row indices (real, synthetic) drawn without replacement, at most `subset_size` and either set's size.

    >>> subsets = list(subset_indices(9, 4, rng=np.random.default_rng(0), n_subsets=2, subset_size=5))
    >>> [(len(of_real), len(of_synthetic)) for of_real, of_synthetic in subsets]
    [(4, 4), (4, 4)]
    """
    size = min(n_real, n_synthetic, subset_size)
    for _ in range(n_subsets):
        yield rng.choice(n_real, size, replace=False), rng.choice(n_synthetic, size, replace=False)


def kernel_distance_subsets(
    real: Float[np.ndarray, "n d"],
    synthetic: Float[np.ndarray, "m d"],
    subsets: Iterable[tuple[Int64[np.ndarray, " s"], Int64[np.ndarray, " s"]]],
) -> KernelDistance:
    """Return the mean kernel distance of subsets, as clean-fid and torch-fidelity compute KID.

    Args:
        real: one row per image.
        synthetic: one row per image.
        subsets: row indices of real and synthetic images, see :func:`subset_indices`.

    This is for comparison with published values; :func:`kernel_distance` uses every pair once and needs no
    random numbers.

    >>> real, synthetic = np.array([[0.0], [1.0], [5.0]]), np.array([[1.0], [2.0]])
    >>> kernel_distance_subsets(real, synthetic, [(np.array([0, 1]), np.array([0, 1]))]).value
    9.5
    """
    x, y = check_pair(real, synthetic)
    values = [kernel_distance(x[of_real], y[of_synthetic]).value for of_real, of_synthetic in subsets]
    return KernelDistance(value=float(np.mean(values)), n_real=len(x), n_synthetic=len(y), d=x.shape[1])


def kernel_distance_jackknife(
    real: Float[np.ndarray, "n d"],
    synthetic: Float[np.ndarray, "m d"],
    real_groups: Groups,
    synthetic_groups: Groups,
) -> KernelDistanceError:
    """Return the kernel distance and its standard error by leaving out one group after the other.

    Args:
        real: one row per image.
        synthetic: one row per image.
        real_groups: slide or patient of each real image.
        synthetic_groups: group each synthetic image derives from. A label that occurs on both sides is one
            group and is left out on both at the same time; without common labels the two sides are independent
            samples, whose variances add up.

    Returns:
        the value over all images, and the root of Σ (G - 1) / G · Σ_g (KD without g - mean)², summed over the
        independent sides.

    Raises:
        DataError: the features are invalid, or groups and rows differ in number.

    >>> real, synthetic = np.array([[0.0], [0.1], [0.2]]), np.array([[0.3], [0.4], [0.6]])
    >>> found = kernel_distance_jackknife(real, synthetic, ["a", "b", "c"], ["x", "y", "z"])
    >>> round(found.value, 3), round(found.se, 3)
    (0.391, 0.265)
    """
    x, y = check_pair(real, synthetic)
    if len(real_groups) != len(x) or len(synthetic_groups) != len(y):
        raise DataError(
            "There must be one group per row of features",
            got=f"{len(real_groups)} for {len(x)} real, {len(synthetic_groups)} for {len(y)} synthetic",
        )
    labels, codes = np.unique(
        np.concatenate([np.asarray(real_groups), np.asarray(synthetic_groups)]), return_inverse=True
    )
    of_x, of_y = codes[: len(x)], codes[len(x) :]
    value, without = _leave_one_out(x, y, of_x, of_y, len(labels))
    in_x, in_y = np.isin(np.arange(len(labels)), of_x), np.isin(np.arange(len(labels)), of_y)
    sides = [np.ones(len(labels), dtype=bool)] if (in_x & in_y).any() else [in_x, in_y]
    variance = sum(_jackknife_variance(without[side]) for side in sides)
    return KernelDistanceError(value=value, se=float(np.sqrt(variance)))


def _leave_one_out(
    x: Float64[np.ndarray, "n d"],
    y: Float64[np.ndarray, "m d"],
    of_x: Int64[np.ndarray, " n"],
    of_y: Int64[np.ndarray, " m"],
    n_groups: int,
) -> tuple[float, Float64[np.ndarray, " g"]]:
    """Return the distance over all rows, and without each group (NaN if a side keeps fewer than two rows)."""
    within_x, within_y = _within(x), _within(y)
    rows, columns = _between(x, y)
    own_x, own_y, own_xy = np.zeros(n_groups), np.zeros(n_groups), np.zeros(n_groups)
    for group in range(n_groups):
        part_x, part_y = x[of_x == group], y[of_y == group]
        own_x[group], own_y[group] = _within(part_x).sum(), _within(part_y).sum()
        own_xy[group] = _between(part_x, part_y)[0].sum()

    def by_group(values: Float64[np.ndarray, " n"], of: Int64[np.ndarray, " n"]) -> Float64[np.ndarray, " g"]:
        return np.asarray(np.bincount(of, weights=values, minlength=n_groups))

    # A group's rows and columns are both left out; its pairs with itself are counted in both.
    without = _unbiased(
        within_x.sum() - 2 * by_group(within_x, of_x) + own_x,
        within_y.sum() - 2 * by_group(within_y, of_y) + own_y,
        rows.sum() - by_group(rows, of_x) - by_group(columns, of_y) + own_xy,
        len(x) - np.bincount(of_x, minlength=n_groups),
        len(y) - np.bincount(of_y, minlength=n_groups),
    )
    value = _unbiased(within_x.sum(), within_y.sum(), rows.sum(), len(x), len(y))
    return float(value), without


def _jackknife_variance(without: Float64[np.ndarray, " g"]) -> float:
    if len(without) < 2:
        return float("nan")
    return float((len(without) - 1) / len(without) * ((without - without.mean()) ** 2).sum())


def _unbiased(
    within_x: Float64[np.ndarray, "*g"] | np.float64,
    within_y: Float64[np.ndarray, "*g"] | np.float64,
    between: Float64[np.ndarray, "*g"] | np.float64,
    n: int | Int64[np.ndarray, " g"],
    m: int | Int64[np.ndarray, " g"],
) -> Float64[np.ndarray, "*g"]:
    within = _mean(within_x, n * (n - 1)) + _mean(within_y, m * (m - 1))
    return np.asarray(within - 2 * _mean(between, n * m))


def _mean(
    total: Float64[np.ndarray, "*g"] | np.float64, pairs: int | Int64[np.ndarray, " g"]
) -> Float64[np.ndarray, "*g"]:
    count = np.asarray(pairs, dtype=np.float64)
    return np.asarray(np.divide(total, count, out=np.full(count.shape, np.nan), where=count > 0))


def _within(x: Float64[np.ndarray, "n d"]) -> Float64[np.ndarray, " n"]:
    """Return, for each row, the sum of the kernel to every *other* row."""
    sums = np.zeros(len(x))
    for start in range(0, len(x), _BLOCK):
        stop = min(start + _BLOCK, len(x))
        own = _kernel(x[start:stop], x[start:stop])
        np.fill_diagonal(own, 0)
        sums[start:stop] += own.sum(axis=1)
        # The matrix is symmetric: blocks right of the diagonal serve their rows and their columns.
        for right in range(stop, len(x), _BLOCK):
            block = _kernel(x[start:stop], x[right : right + _BLOCK])
            sums[start:stop] += block.sum(axis=1)
            sums[right : right + _BLOCK] += block.sum(axis=0)
    return sums


def _between(
    x: Float64[np.ndarray, "n d"], y: Float64[np.ndarray, "m d"]
) -> tuple[Float64[np.ndarray, " n"], Float64[np.ndarray, " m"]]:
    """Return the sums of the kernel between the two sets by row of the first and of the second."""
    rows, columns = np.zeros(len(x)), np.zeros(len(y))
    for start in range(0, len(x), _BLOCK):
        block = _kernel(x[start : start + _BLOCK], y)
        rows[start : start + _BLOCK] = block.sum(axis=1)
        columns += block.sum(axis=0)
    return rows, columns


def _kernel(x: Float64[np.ndarray, "n d"], y: Float64[np.ndarray, "m d"]) -> Float64[np.ndarray, "n m"]:
    # Cubed by two products, since the power function is many times slower.
    inner = x @ y.T
    inner /= x.shape[1]
    inner += 1
    square = inner * inner
    return np.asarray(square * inner)
