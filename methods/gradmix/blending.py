"""Distance-weighted blending of a donor nucleus into the place of a larger nucleus."""

from __future__ import annotations

from functools import cache

import numpy as np
from jaxtyping import Bool, Float64, UInt8
from scipy import ndimage


def ring_weights(donor: Bool[np.ndarray, "h w"], ring: Bool[np.ndarray, "h w"]) -> Float64[np.ndarray, "h w"]:
    """Return the weight of the layer in one pass of blending: 1 on the donor, falling to 0 over the ring, else 0.

    On the ring w = 1 - (d - 1) / max(d - 1), where d is the chessboard distance to the donor. If all pixels of the ring
    touch the donor, w = 1 (the release divides 0 by 0 in this case).
    """
    weights = donor.astype(np.float64)
    if not ring.any():
        return weights
    beyond = ndimage.distance_transform_cdt(~donor, metric="chessboard")[ring] - 1
    weights[ring] = 1 - beyond / max(beyond.max(), 1)
    return weights


def blend(
    image: UInt8[np.ndarray, "h w 3"],
    layer: UInt8[np.ndarray, "h w 3"],
    weights: Float64[np.ndarray, "h w"],
) -> UInt8[np.ndarray, "h w 3"]:
    """Blend `layer` over `image`, twice as in the release, so that its final weight is 1 - (1 - w)^2."""
    twice = (1 - (1 - weights) ** 2)[..., None]
    mixed = twice * layer.astype(np.float64) + (1 - twice) * image
    return np.asarray(np.rint(mixed), np.uint8)


def smooth(image: UInt8[np.ndarray, "h w 3"], ring: Bool[np.ndarray, "h w"], radii: tuple[int, int, int]) -> None:
    """Replace every channel on the ring, in place, by its median over a disk; at borders the edge is repeated."""
    rows, columns = np.nonzero(ring)
    if rows.size == 0:
        return
    height, width = ring.shape
    medians = []
    for channel, radius in enumerate(radii):
        dy, dx = _disk(radius)
        near = image[np.clip(rows[:, None] + dy, 0, height - 1), np.clip(columns[:, None] + dx, 0, width - 1), channel]
        middle = dy.size // 2  # a disk has an odd number of pixels
        medians.append(np.partition(near, middle, axis=1)[:, middle])
    image[rows, columns] = np.stack(medians, axis=1)


@cache
def _disk(radius: int) -> tuple[np.ndarray, np.ndarray]:
    dy, dx = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    inside = dy**2 + dx**2 <= radius**2
    return dy[inside], dx[inside]
