"""Conversion of HoVer-Net's maps to nuclei: marker-controlled watershed, types by majority (post_proc.py)."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Bool, Float, Float64, Int32, Int64, UInt8
from scipy import ndimage
from skimage.segmentation import watershed


class Scale(NamedTuple):
    """Sizes of the procedure: sides of the Sobel kernel and of the opening's ellipse, least pixels of an object."""

    kernel: int
    opening: int
    least: int


class InstanceInfo(NamedTuple):
    """Measurements of each instance of a map; row i belongs to id i + 1.

    `boxes` are half-open (top, left, bottom, right), `centroids` are (x, y), and `type_share` is the share of the
    pixels of an instance that have its type.
    """

    areas: Int64[np.ndarray, " n"]
    boxes: Int64[np.ndarray, "n 4"]
    centroids: Float64[np.ndarray, "n 2"]
    types: UInt8[np.ndarray, " n"]
    type_share: Float64[np.ndarray, " n"]


def decode_hovernet(
    nucleus_probability: Float[np.ndarray, "h w"],
    hv: Float[np.ndarray, "h w 2"],
    *,
    mpp: float = 0.25,
    threshold: float = 0.5,
    edge: float = 0.4,
) -> Int32[np.ndarray, "h w"]:
    """Separate nuclei using the gradients of their offset maps.

    Args:
        nucleus_probability: probability that a pixel is inside a nucleus, in [0, 1].
        hv: offsets to the nucleus's centre in [-1, 1], channels [x, y]. They are scaled by their extremes over the
            whole tile, as published, so the result depends on what else the tile shows.
        mpp: micrometres per pixel; sizes scale with it (see :func:`scale`).
        threshold: probability from which a pixel belongs to a nucleus.
        edge: gradient from which a pixel is between nuclei, scaled to [0, 1] over the tile. The offsets of a network
            that was trained for minutes are shallow and need more than the published 0.4.

    Returns:
        Instance map with ids exactly 1..n, with the same instances as in the release (whose ids may have gaps).
    """
    kernel, opening, least = scale(mpp)
    mask = foreground(nucleus_probability, mpp=mpp, threshold=threshold)
    edges = np.maximum(_edges(hv[..., 0], (1, 0), kernel), _edges(hv[..., 1], (0, 1), kernel))
    edges = np.maximum(edges.astype(np.float64) - ~mask, 0)
    energy = -cv2.GaussianBlur((1 - edges) * mask, (3, 3), 0)
    markers = ndimage.binary_fill_holes(mask & (edges < edge)).astype(np.uint8)
    ellipse = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (opening, opening))
    opened = cv2.morphologyEx(markers, cv2.MORPH_OPEN, ellipse) > 0
    labels = _label_large(opened, least)
    return _contiguous(watershed(energy, labels, mask=mask))  # type: ignore[no-untyped-call]


def foreground(
    nucleus_probability: Float[np.ndarray, "h w"], *, mpp: float = 0.25, threshold: float = 0.5
) -> Bool[np.ndarray, "h w"]:
    """Return the pixels of nuclei before nuclei are separated; small specks are removed."""
    return _label_large(np.asarray(nucleus_probability, np.float32) >= threshold, scale(mpp).least) > 0


def scale(mpp: float) -> Scale:
    """Return the sizes for a resolution: the published ones at 0.25 um per pixel, and others in proportion.

    CellViT scales the kernel and the objects for 20x but leaves the ellipse at 5 px, which removes the markers of most
    lymphocytes at that resolution.

    >>> scale(0.25), scale(0.5)
    (Scale(kernel=21, opening=5, least=10), Scale(kernel=11, opening=3, least=3))
    """
    shrink = 0.25 / mpp
    kernel, opening = (2 * int(side * shrink / 2) + 1 for side in (21, 5))
    return Scale(min(max(kernel, 3), 31), opening, max(1, int(10 * shrink**2 + 0.5)))


def instance_info(instances: Int32[np.ndarray, "h w"], types: UInt8[np.ndarray, "h w"], n_types: int) -> InstanceInfo:
    """Measure every instance of a map whose ids are exactly 1..n.

    The type of an instance is the most frequent type of its pixels. Background is chosen only if no other type occurs.
    If types are equally frequent, the lower id is chosen.

    Args:
        instances: instance map.
        types: predicted class of each pixel; 0 is background.
        n_types: number of classes without background.
    """
    boxes = ndimage.find_objects(instances)
    n = len(boxes)
    inside = np.flatnonzero(instances)
    ids = instances.ravel()[inside]
    rows, columns = np.divmod(inside, instances.shape[1])
    areas = np.bincount(ids, minlength=n + 1)[1:]
    sums = [np.bincount(ids, weights=position, minlength=n + 1)[1:] for position in (columns, rows)]
    cells = (ids - 1).astype(np.int64) * (n_types + 1) + types.ravel()[inside]
    votes = np.bincount(cells, minlength=n * (n_types + 1)).reshape(n, n_types + 1)
    chosen = majority(votes)
    return InstanceInfo(
        areas=areas,
        boxes=np.array([(r.start, c.start, r.stop, c.stop) for r, c in boxes], np.int64).reshape(n, 4),
        centroids=np.stack(sums, axis=1) / areas[:, None],
        types=chosen,
        type_share=votes[np.arange(n), chosen] / areas,
    )


def majority(votes: Int64[np.ndarray, "n t"]) -> UInt8[np.ndarray, " n"]:
    """Return the type of each row of votes; background (column 0) only if no other type has votes."""
    first = votes.argmax(1)
    if votes.shape[1] == 1:
        return np.asarray(first.astype(np.uint8))
    second = votes[:, 1:].argmax(1) + 1
    return np.asarray(np.where((first == 0) & (votes[:, 1:].max(1) > 0), second, first).astype(np.uint8))


def _edges(offsets: Float[np.ndarray, "h w"], direction: tuple[int, int], kernel: int) -> np.ndarray:
    """Return how steeply the offsets fall, in [0, 1]; offsets rise inside nuclei and fall between touching nuclei."""
    slope = cv2.Sobel(_unit(np.asarray(offsets, np.float32)), cv2.CV_64F, *direction, ksize=kernel)
    return np.float32(1) - _unit(slope)


def _unit(values: np.ndarray) -> np.ndarray:
    given = np.ascontiguousarray(values)
    scaled = np.empty(given.shape, np.float32)
    return np.asarray(cv2.normalize(given, scaled, alpha=0, beta=1, norm_type=cv2.NORM_MINMAX, dtype=cv2.CV_32F))


def _contiguous(labels: np.ndarray) -> Int32[np.ndarray, "h w"]:
    """Close gaps between ids; a marker that is entirely in a filled hole, outside the mask, does not grow."""
    present = np.bincount(labels.ravel()) > 0
    present[0] = False
    return np.asarray(np.where(present, np.cumsum(present), 0).astype(np.int32)[labels])


def _label_large(mask: Bool[np.ndarray, "h w"], least: int) -> Int32[np.ndarray, "h w"]:
    """Label the 4-connected pieces of at least `least` pixels from 1, without gaps."""
    labels, n = ndimage.label(mask)
    kept = np.bincount(labels.ravel(), minlength=n + 1) >= least
    kept[0] = False
    return np.asarray(np.where(kept, np.cumsum(kept), 0).astype(np.int32)[labels])
