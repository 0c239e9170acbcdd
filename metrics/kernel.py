"""Kernel distance (the KID statistic): unbiased squared MMD of two feature sets under a cubic kernel."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64, Int64

from metrics.features import check_pair

BLOCK = 1024
"""Rows per block of the kernel matrix: memory stays O(block x n)."""


@dataclass(frozen=True)
class KernelDistance:
    """A kernel distance, which may be negative and has no upper bound.

    It is 0 in expectation for independent images of one distribution. Images of slides are not independent; see
    :func:`metrics.kernel_groups.grouped_kernel_distance`.
    """

    value: float
    n_real: int
    n_synthetic: int
    d: int


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
    (n, d), m = x.shape, len(y)
    within = _within(x).sum() / (n * (n - 1)) + _within(y).sum() / (m * (m - 1))
    return KernelDistance(value=float(within - 2 * (_between(x, y).sum() / (n * m))), n_real=n, n_synthetic=m, d=d)


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


def _within(x: Float64[np.ndarray, "n d"]) -> Float64[np.ndarray, " n"]:
    """Return, for each row, the sum of the kernel to every *other* row."""
    sums = np.zeros(len(x))
    for start in range(0, len(x), BLOCK):
        stop = min(start + BLOCK, len(x))
        own = kernel(x[start:stop], x[start:stop])
        np.fill_diagonal(own, 0)
        sums[start:stop] += own.sum(axis=1)
        # The matrix is symmetric: blocks right of the diagonal serve their rows and their columns.
        for right in range(stop, len(x), BLOCK):
            block = kernel(x[start:stop], x[right : right + BLOCK])
            sums[start:stop] += block.sum(axis=1)
            sums[right : right + BLOCK] += block.sum(axis=0)
    return sums


def _between(x: Float64[np.ndarray, "n d"], y: Float64[np.ndarray, "m d"]) -> Float64[np.ndarray, " n"]:
    """Return, for each row of the first set, the sum of the kernel to every row of the second."""
    blocks = (kernel(x[start : start + BLOCK], y).sum(axis=1) for start in range(0, len(x), BLOCK))
    return np.concatenate(list(blocks))


def kernel(x: Float64[np.ndarray, "n d"], y: Float64[np.ndarray, "m d"]) -> Float64[np.ndarray, "n m"]:
    """Return k(x, y) = (x·y / d + 1)³ for all pairs of rows.

    >>> kernel(np.array([[1.0, 1.0]]), np.array([[0.0, 2.0], [1.0, 1.0]]))
    array([[8., 8.]])
    """
    # Cubed by two products, since the power function is many times slower.
    inner = x @ y.T
    inner /= x.shape[1]
    inner += 1
    square = inner * inner
    return np.asarray(square * inner)
