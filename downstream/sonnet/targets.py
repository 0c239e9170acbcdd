"""SONNET's training targets: nucleus pixels, ordinal distance labels, types."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float64, Int32, UInt8

from downstream.targets import central, pixels_at

EDGES = (0.83, 0.68, 0.54, 0.41, 0.29, 0.19, 0.09)
"""Distances between labels 1 and 2, 2 and 3, ..., 7 and 8 (augs.py of the release)."""

MIN_PIXELS = 7
"""Pixels at 40x that a nucleus needs inside the output crop to get ordinal labels (augs.py of the release)."""


class Targets(NamedTuple):
    """Targets of one patch: nucleus (0, 1), ordinal labels (0 background, 1 outermost to 8 centre), types."""

    nucleus: UInt8[np.ndarray, "h w"]
    ordinal: UInt8[np.ndarray, "h w"]
    types: UInt8[np.ndarray, "h w"]


def make_targets(
    instances: Int32[np.ndarray, "H W"], types: UInt8[np.ndarray, "H W"], size: int, mpp: float
) -> Targets:
    """Make the targets of the central `size` x `size` window of a patch.

    Args:
        instances: instance ids, any positive numbers, as large as the window or larger. Distances are computed from
            whole nuclei, including the parts beyond the window.
        types: class of each pixel.
        size: side of the network's output, in pixels.
        mpp: micrometres per pixel; the least number of pixels of a nucleus scales with it.
    """
    window = central(instances, size)
    least = pixels_at(mpp, MIN_PIXELS)
    return Targets(
        nucleus=(window > 0).astype(np.uint8),
        ordinal=np.ascontiguousarray(central(ordinal_map(instances, window, least), size)),
        types=np.ascontiguousarray(central(types, size)),
    )


def ordinal_map(
    instances: Int32[np.ndarray, "H W"], window: Int32[np.ndarray, "h w"], least: int
) -> UInt8[np.ndarray, "H W"]:
    """Return the ordinal label of each pixel: 8 at the centre of its nucleus, 1 at its rim, 0 in the background.

    The distance to the pixel that holds the nucleus's centre of mass is divided by its largest value in the nucleus
    and cut at `EDGES`; labels grow towards the centre. The release computes the same distance with a distance transform
    of the whole patch for every nucleus. Nuclei with fewer than `least` pixels in `window` have no labels.
    """
    labels = np.zeros(instances.shape, np.uint8)
    ids, counts = np.unique(window, return_counts=True)
    ids = ids[(counts >= least) & (ids > 0)]
    if not len(ids):
        return labels
    rows, columns = np.nonzero(np.isin(instances, ids))
    nucleus = np.searchsorted(ids, instances[rows, columns])
    distance = np.sqrt(_from_centre(rows, nucleus) ** 2 + _from_centre(columns, nucleus) ** 2)
    largest = np.zeros(len(ids))
    np.maximum.at(largest, nucleus, distance)
    relative = distance / np.maximum(largest, 1e-12)[nucleus]
    labels[rows, columns] = 8 - np.searchsorted(EDGES[::-1], relative, side="left")
    return labels


def _from_centre(position: np.ndarray, nucleus: np.ndarray) -> Float64[np.ndarray, " n"]:
    """Return the distance along an axis to the pixel of the nucleus's mean position."""
    means = np.bincount(nucleus, weights=position) / np.bincount(nucleus)
    return np.asarray(position - np.floor(means)[nucleus])
