"""Nearest neighbours of feature vectors, block by block: distances are never all in memory at once."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float, Float32

_BLOCK = 1024


def squared_distances(
    x: Float[np.ndarray, "n d"], y: Float[np.ndarray, "m d"]
) -> Iterator[tuple[int, Float32[np.ndarray, "b m"]]]:
    """Yield squared Euclidean distances of blocks of rows of x to all of y, with the block's first row.

    In 32 bit, the rows of both centred on y's mean, so that little is lost to cancellation.
    """
    centre = np.asarray(y, dtype=np.float64).mean(axis=0)
    x32, y32 = (np.asarray(a - centre, dtype=np.float32) for a in (x, y))
    norms_x, norms_y = (np.einsum("nd,nd->n", a, a) for a in (x32, y32))
    for start in range(0, len(x32), _BLOCK):
        block = x32[start : start + _BLOCK] @ y32.T
        block *= -2
        block += norms_x[start : start + _BLOCK, None]
        block += norms_y
        yield start, np.maximum(block, 0, out=block)


def nearest(x: Float[np.ndarray, "n d"], y: Float[np.ndarray, "m d"]) -> tuple[np.ndarray, Float32[np.ndarray, " n"]]:
    """Return, for each row of x, the index of its nearest row of y and its squared distance."""
    index, distance = np.empty(len(x), dtype=np.int64), np.empty(len(x), dtype=np.float32)
    for start, block in squared_distances(x, y):
        found = block.argmin(axis=1)
        index[start : start + len(block)] = found
        distance[start : start + len(block)] = block[np.arange(len(block)), found]
    return index, distance


def kth_radii(x: Float[np.ndarray, "n d"], k: int) -> Float32[np.ndarray, " n"]:
    """Return each row's squared distance to its k-th nearest *other* row."""
    radii = np.empty(len(x), dtype=np.float32)
    for start, block in squared_distances(x, x):
        rows = np.arange(len(block))
        # Not left to rounding: a row is at distance 0 from itself and is not its own neighbour.
        block[rows, start + rows] = np.inf
        radii[start : start + len(block)] = np.partition(block, k - 1, axis=1)[:, k - 1]
    return radii
