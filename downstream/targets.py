"""HoVer-Net's training targets: nucleus pixels, offsets to the centre of each nucleus, types."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, Int32, UInt8

MIN_PIXELS = 30
"""Pixels at 40x that a nucleus needs inside the output crop to get offsets (targets.py of the release)."""


UNTYPED = 255
"""The class of pixels in patches whose nuclei have no types; the type head learns nothing from these pixels."""


class Targets(NamedTuple):
    """Targets of one patch: nucleus (0, 1), offsets [x, y] in [-1, 1], types (0 background, or `UNTYPED`)."""

    nucleus: UInt8[np.ndarray, "h w"]
    hv: Float32[np.ndarray, "h w 2"]
    types: UInt8[np.ndarray, "h w"]


def make_targets(
    instances: Int32[np.ndarray, "H W"], types: UInt8[np.ndarray, "H W"], size: int, mpp: float
) -> Targets:
    """Make the targets of the central `size` x `size` window of a patch.

    Args:
        instances: instance ids, any positive numbers, as large as the window or larger. Offsets are computed from
            whole nuclei, including the parts beyond the window.
        types: class of each pixel.
        size: side of the network's output, in pixels.
        mpp: micrometres per pixel; the least number of pixels of a nucleus scales with it.
    """
    window = central(instances, size)
    least = pixels_at(mpp, MIN_PIXELS)
    return Targets(
        nucleus=(window > 0).astype(np.uint8),
        hv=central(offset_maps(instances, window, least), size),
        types=np.ascontiguousarray(central(types, size)),
    )


def offset_maps(
    instances: Int32[np.ndarray, "H W"], window: Int32[np.ndarray, "h w"], least: int
) -> Float32[np.ndarray, "H W 2"]:
    """Return horizontal and vertical offsets to the centre of mass of each nucleus, in the order [x, y].

    Offsets are x + 1 - c, where the centre of mass c is rounded half up. (The release's bias of one pixel is kept,
    because weights and published numbers depend on it.) The negative and the positive side are divided by their own
    extreme. Nuclei with fewer than `least` pixels in `window` have no offsets. The release cuts out each nucleus with a
    bounding box enlarged by 2 px, which becomes negative at the edge of a patch and loses the nucleus; in patch
    coordinates no box is needed.
    """
    maps = np.zeros((*instances.shape, 2), np.float32)
    ids = _ids_with(window, least)
    if not len(ids):
        return maps
    rows, columns = np.nonzero(np.isin(instances, ids))
    inverse = np.searchsorted(ids, instances[rows, columns])
    order = np.argsort(inverse, kind="stable")
    inverse, rows, columns = inverse[order], rows[order], columns[order]
    counts = np.bincount(inverse)
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    for channel, position in enumerate((columns, rows)):
        centre = np.floor(np.add.reduceat(position, starts) / counts + 0.5).astype(np.int64)
        offset = position + 1 - centre[inverse]
        low, high = -np.minimum.reduceat(offset, starts), np.maximum.reduceat(offset, starts)
        extreme = np.where(offset < 0, low[inverse], high[inverse])
        maps[rows, columns, channel] = offset / np.maximum(extreme, 1)
    return maps


def pixels_at(mpp: float, at_40x: int) -> int:
    """Return the number of pixels at a resolution, in micrometres per pixel, of an area given in pixels at 40x.

    >>> pixels_at(0.5, 30)
    8
    """
    return max(1, round(at_40x * (0.25 / mpp) ** 2))


def central(array: np.ndarray, size: int) -> np.ndarray:
    """Return the central `size` x `size` window of an array."""
    top, left = (array.shape[0] - size) // 2, (array.shape[1] - size) // 2
    return array[top : top + size, left : left + size]


def _ids_with(window: Int32[np.ndarray, "h w"], least: int) -> Int32[np.ndarray, " n"]:
    ids, counts = np.unique(window, return_counts=True)
    return np.asarray(ids[(counts >= least) & (ids > 0)])
