"""Filling outlines: which pixels a polygon covers, and whether it crosses itself."""

from __future__ import annotations

from typing import Literal

import numpy as np
from jaxtyping import Bool, Float64, Int64

Fill = Literal["nonzero", "even-odd"]

_SNAP = 1e-9  # px; interpolation along an edge has smaller errors


def covered(
    vertices: Float64[np.ndarray, "n 2"], shape: tuple[int, int], fill: Fill = "nonzero", *, border: bool = True
) -> tuple[Bool[np.ndarray, "a b"], tuple[slice, slice]]:
    """Return the pixels that a polygon covers, as a mask and its window (rows, columns) of the image.

    The point (c, r) is the centre of the pixel in column c and row r. A pixel is covered when its centre is inside
    the polygon or on its border, so the rectangle (0, 0) to (3, 2) covers 4 x 3 pixels; vertices are not rounded.
    `nonzero` covers what the outline goes round at least once, `even-odd` leaves holes where it goes round twice
    (scikit-image, and so MoNuSAC's own conversion). They differ only for outlines that cross themselves.

    Args:
        vertices: (x, y) in pixels; the outline is closed. Parts outside the image are cut off.
        shape: rows and columns of the image.
        fill: the rule.
        border: whether pixels on the border are covered; they are not for a hole, whose border belongs to what is
            around it.
    """
    rows, columns = (_window(vertices[:, axis], size) for axis, size in ((1, shape[0]), (0, shape[1])))
    height, width = rows.stop - rows.start, columns.stop - columns.start
    if height <= 0 or width <= 0 or not len(vertices):
        return np.zeros((0, 0), bool), (slice(0, 0), slice(0, 0))
    start = vertices - [columns.start, rows.start]
    end = np.roll(start, -1, axis=0)
    edge, y = _rows_of_edges(start, end, height)
    (x0, y0), (x1, y1) = start[edge].T, end[edge].T
    slanted = y0 != y1
    with np.errstate(invalid="ignore"):
        x = np.where(slanted, x0 + (y - y0) * (x1 - x0) / np.where(slanted, y1 - y0, 1), x0)
    x = np.where(np.abs(x - np.rint(x)) < _SNAP, np.rint(x), x)

    # going right along a row, the winding number changes where an edge is passed; half-open, so that a vertex between
    # two edges counts once
    passed = slanted & (np.minimum(y0, y1) <= y) & (y < np.maximum(y0, y1))
    turns = np.zeros((height, width + 1), np.int64)
    direction = np.where(y1 > y0, 1, -1) if fill == "nonzero" else np.ones(len(edge), np.int64)
    at = np.clip(np.ceil(x), 0, width).astype(np.int64)
    np.add.at(turns, (y[passed], at[passed]), direction[passed])
    winding = np.cumsum(turns, axis=1)[:, :width]
    mask = winding != 0 if fill == "nonzero" else winding % 2 == 1

    on_border = slanted & (x == np.rint(x)) & (x >= 0) & (x < width)
    mask[y[on_border], x[on_border].astype(np.int64)] = border
    for row, left, right in zip(y[~slanted], np.minimum(x0, x1)[~slanted], np.maximum(x0, x1)[~slanted], strict=True):
        mask[row, max(int(np.ceil(left)), 0) : max(int(np.floor(right)) + 1, 0)] = border
    return mask, (rows, columns)


def crosses_itself(vertices: Float64[np.ndarray, "n 2"]) -> bool:
    """Return whether two edges of a polygon cross at a point inside both; edges that only touch do not."""
    start = vertices[np.any(vertices != np.roll(vertices, 1, axis=0), axis=1)]
    end = np.roll(start, -1, axis=0)
    n = len(start)
    step = max(1, 250_000 // max(n, 1))  # bounds the memory of the pairs compared together
    for first in range(0, n, step):
        a, b = start[first : first + step, None], end[first : first + step, None]
        c, d = start[None], end[None]
        apart = (_side(a, b, c) * _side(a, b, d) < 0) & (_side(c, d, a) * _side(c, d, b) < 0)
        if bool(apart.any()):
            return True
    return False


def _window(values: Float64[np.ndarray, " n"], size: int) -> slice:
    if not len(values):
        return slice(0, 0)
    low, high = max(int(np.ceil(values.min())), 0), min(int(np.floor(values.max())) + 1, size)
    return slice(low, max(high, low))


def _rows_of_edges(
    start: Float64[np.ndarray, "n 2"], end: Float64[np.ndarray, "n 2"], height: int
) -> tuple[Int64[np.ndarray, " k"], Int64[np.ndarray, " k"]]:
    """Return every pair of an edge and a row of pixel centres that it meets."""
    low = np.clip(np.ceil(np.minimum(start[:, 1], end[:, 1])), 0, height).astype(np.int64)
    high = np.clip(np.floor(np.maximum(start[:, 1], end[:, 1])), -1, height - 1).astype(np.int64)
    counts = np.maximum(high - low + 1, 0)
    edge = np.repeat(np.arange(len(start)), counts)
    offset = np.arange(len(edge)) - np.repeat(np.cumsum(counts) - counts, counts)
    return edge, low[edge] + offset


def _side(
    a: Float64[np.ndarray, "*m 2"], b: Float64[np.ndarray, "*m 2"], p: Float64[np.ndarray, "*n 2"]
) -> Float64[np.ndarray, "*k"]:
    """Return on which side of the line from a to b a point is: its sign."""
    found = (b[..., 0] - a[..., 0]) * (p[..., 1] - a[..., 1]) - (b[..., 1] - a[..., 1]) * (p[..., 0] - a[..., 0])
    return np.asarray(np.sign(found))
