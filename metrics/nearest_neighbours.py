"""Nearest neighbours of feature vectors, block by block, so that memory never contains all distances."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float, Float32

_BLOCK = 512


def squared_distances(
    x: Float[np.ndarray, "n d"], y: Float[np.ndarray, "m d"]
) -> Iterator[tuple[int, Float32[np.ndarray, "b m"]]]:
    """Yield squared Euclidean distances of blocks of rows of x to all of y, with the block's first row.

    Distances are computed in 32 bits, with the rows of both centred on y's mean.

    >>> [(start, block.tolist()) for start, block in squared_distances(np.array([[0.0]]), np.array([[1.0], [3.0]]))]
    [(0, [[1.0, 9.0]])]
    """
    (x32, norms_x), (y32, norms_y) = _centred(x, y), _centred(y, y)
    for start in range(0, len(x32), _BLOCK):
        rows = slice(start, start + _BLOCK)
        yield start, _block(x32[rows], y32, norms_x[rows], norms_y)


def nearest(x: Float[np.ndarray, "n d"], y: Float[np.ndarray, "m d"]) -> tuple[np.ndarray, Float32[np.ndarray, " n"]]:
    """Return, for each row of x, the index of its nearest row of y and its squared distance.

    >>> index, distance = nearest(np.array([[0.0], [4.0]]), np.array([[1.0], [7.0]]))
    >>> index.tolist(), distance.round(3).tolist()
    ([0, 0], [1.0, 9.0])
    """
    index, distance = np.empty(len(x), dtype=np.int64), np.empty(len(x), dtype=np.float32)
    for start, block in squared_distances(x, y):
        found = block.argmin(axis=1)
        index[start : start + len(block)] = found
        distance[start : start + len(block)] = block[np.arange(len(block)), found]
    return index, distance


def kth_radii(x: Float[np.ndarray, "n d"], k: int) -> Float32[np.ndarray, " n"]:
    """Return each row's squared distance to its k-th nearest *other* row.

    Distances are symmetric: each block is used for its rows and, transposed, for its columns.

    >>> kth_radii(np.array([[0.0], [1.0], [3.0]]), 1).round(3).tolist()
    [1.0, 1.0, 4.0]
    """
    centred, norms = _centred(x, x)
    # the k smallest distances of each row so far, in no order
    smallest = np.full((len(centred), k), np.inf, dtype=np.float32)
    starts = range(0, len(centred), _BLOCK)
    for start in starts:
        rows = slice(start, start + _BLOCK)
        for right in starts[start // _BLOCK :]:
            columns = slice(right, right + _BLOCK)
            block = _block(centred[rows], centred[columns], norms[rows], norms[columns])
            if right == start:
                # Explicitly, not left to rounding: a row is at distance 0 from itself and is not its own neighbour.
                np.fill_diagonal(block, np.inf)
            else:
                _keep(smallest[columns], np.ascontiguousarray(block.T))
            _keep(smallest[rows], block)
    return np.asarray(smallest.max(axis=1))


def _keep(smallest: Float32[np.ndarray, "b k"], block: Float32[np.ndarray, "b c"]) -> None:
    """Merge a block's distances into the k smallest of each row."""
    k = smallest.shape[1]
    nearest_here = np.partition(block, k - 1, axis=1)[:, :k] if block.shape[1] > k else block
    both = np.concatenate([smallest, nearest_here], axis=1)
    smallest[:] = np.partition(both, k - 1, axis=1)[:, :k]


def _centred(
    x: Float[np.ndarray, "n d"], y: Float[np.ndarray, "m d"]
) -> tuple[Float32[np.ndarray, "n d"], Float32[np.ndarray, " n"]]:
    """Return x in 32 bits, centred on y's mean so that little is lost to cancellation, and its squared norms."""
    centred = np.asarray(x - np.asarray(y, dtype=np.float64).mean(axis=0), dtype=np.float32)
    return centred, np.einsum("nd,nd->n", centred, centred)


def _block(
    x: Float32[np.ndarray, "b d"],
    y: Float32[np.ndarray, "c d"],
    norms_x: Float32[np.ndarray, " b"],
    norms_y: Float32[np.ndarray, " c"],
) -> Float32[np.ndarray, "b c"]:
    block = x @ y.T
    block *= -2
    block += norms_x[:, None]
    block += norms_y
    return np.asarray(np.maximum(block, 0, out=block))
