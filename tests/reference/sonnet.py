"""SONNET's targets, losses and post-processing written out plainly, one nucleus and one pixel at a time."""

from __future__ import annotations

import math

import numpy as np
from scipy import ndimage
from skimage.segmentation import watershed

from tests.reference.hovernet import without_specks

EDGES = [1, 0.83, 0.68, 0.54, 0.41, 0.29, 0.19, 0.09, 0]


def label_of(distance: float) -> int:
    for k in range(7):
        if EDGES[k + 1] < distance <= EDGES[k]:
            return k + 1
    return 8


def ordinal_map(instances: np.ndarray, window: np.ndarray, least: int) -> np.ndarray:
    """For every nucleus a distance transform of the whole patch to the one pixel that holds its centre of mass."""
    labels = np.zeros(instances.shape, np.uint8)
    for number in np.unique(instances):
        if number == 0 or (window == number).sum() < least:
            continue
        mask = instances == number
        y, x = (int(value) for value in ndimage.center_of_mass(mask))
        others = np.ones(instances.shape)
        others[y, x] = 0
        distance = ndimage.distance_transform_edt(others)
        largest = max(distance[mask].max(), 1e-12)
        for row, column in np.argwhere(mask):
            labels[row, column] = label_of(distance[row, column] / largest)
    return labels


def decode(probability: np.ndarray, ordinal: np.ndarray, least: int = 10, growth: int = 1) -> np.ndarray:
    """The release's separation of nuclei; ids may have gaps."""
    cores = (ordinal > 4).astype(np.uint8)
    if growth:
        cores = ndimage.binary_dilation(cores, iterations=growth)
    markers = without_specks(ndimage.label(cores)[0], least)
    blobs = without_specks(ndimage.label(probability >= 0.5)[0], least)
    blobs = (blobs > 0).astype(np.int32)
    return watershed(-ordinal, markers * blobs, mask=blobs)


def type_of(types: np.ndarray) -> int:
    """The type of a nucleus from the types of the pixels of its core, most frequent first, lower ids before others."""
    counts = sorted(((int((types == kind).sum()), -int(kind)) for kind in np.unique(types)), reverse=True)
    if not counts:
        return 0
    votes, kind = counts[0][0], -counts[0][1]
    if kind == 0 and len(counts) > 1 and counts[1][0] / votes > 0.5:
        return -counts[1][1]
    return kind


def ordinal_loss(logits: np.ndarray, true: np.ndarray) -> float:
    """Mean over pixels of the sum of the eight binary cross-entropies; `logits` is (n, 16, h, w)."""
    total = 0.0
    for image, y, x in np.ndindex(true.shape):
        for unit in range(8):
            off, on = (math.exp(logits[image, 2 * unit + which, y, x]) for which in (0, 1))
            p = on / (off + on) if unit < true[image, y, x] else off / (off + on)
            total -= math.log(min(max(p, 1e-7), 1 - 1e-7))
    return total / true.size


def focal(probability: np.ndarray, true: np.ndarray, weights: list[float], gamma: float) -> np.ndarray:
    found = np.zeros(true.shape)
    for image, y, x in np.ndindex(true.shape):
        kind = true[image, y, x]
        p = min(max(float(probability[image, kind, y, x]), 1e-7), 1 - 1e-7)
        found[image, y, x] = -weights[kind] * (1 - p) ** gamma * math.log(p)
    return found
