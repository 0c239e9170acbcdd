"""Random instance maps that look like nuclei, and predictions of them with the usual faults."""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from scipy.spatial import KDTree


def nuclei(rng, size, n, radii=(0.3, 0.8)):
    """Voronoi cells of random points, cut to discs: touching, of many sizes; n ids, fewer where points coincide.

    Radii are in units of the mean spacing, size / sqrt(n).
    """
    seeds = np.zeros((size, size), dtype=np.int32)
    points = rng.integers(0, size, (n, 2))
    seeds[points[:, 0], points[:, 1]] = np.arange(1, n + 1)
    distance, (rows, columns) = ndimage.distance_transform_edt(seeds == 0, return_indices=True)
    instances = seeds[rows, columns]
    radius = rng.uniform(*radii, n + 1) * size / np.sqrt(n)
    return np.where(distance < radius[instances], instances, 0).astype(np.int32)


def perturbed(rng, instances):
    """Shift all, drop some, merge some with their nearest neighbour: a plausible prediction whose ids have gaps."""
    ids = np.unique(instances[instances > 0])
    names = rng.permutation(len(ids)) * 3 + 3
    centres = np.array(ndimage.center_of_mass(instances > 0, instances, ids))
    nearest = KDTree(centres).query(centres, k=2)[1][:, 1]
    merged = rng.random(len(ids)) < 0.10
    names[merged] = names[nearest[merged]]
    names[rng.random(len(ids)) < 0.15] = 0
    lookup = np.zeros(instances.max() + 1, dtype=np.int32)
    lookup[ids] = names
    return lookup[np.roll(instances, rng.integers(-2, 3, 2), axis=(0, 1))]


def pair(seed, size=300, n=200, radii=(0.3, 0.8)):
    """Return a true map and a prediction of it."""
    rng = np.random.default_rng(seed)
    true = nuclei(rng, size, n, radii)
    return true, perturbed(rng, true)


def typed(rng, instances, n_classes):
    """Return a class in 1..C for each instance, in ascending order of id."""
    return rng.integers(1, n_classes + 1, len(np.unique(instances[instances > 0])))


def type_map(instances, types):
    """Paint each instance in its class."""
    ids = np.unique(instances[instances > 0])
    lookup = np.zeros(instances.max() + 1, dtype=np.int64)
    lookup[ids] = types
    return lookup[instances]


def contiguous(instances):
    """Return the map with ids 1..n in ascending order of the old ones."""
    return np.unique(instances, return_inverse=True)[1].reshape(instances.shape).astype(np.int32)


def grid(size: int, side: int = 5, step: int = 16) -> np.ndarray:
    """An instance map of squares in rows and columns."""
    ids = np.zeros((size, size), np.int32)
    places = [(row, column) for row in range(4, size - side, step) for column in range(4, size - side, step)]
    for number, (row, column) in enumerate(places, 1):
        ids[row : row + side, column : column + side] = number
    return ids


def touching() -> np.ndarray:
    """An instance map of two discs in one connected piece."""
    rows, columns = np.mgrid[:64, :64]
    true = np.zeros((64, 64), np.int32)
    true[(rows - 32) ** 2 + (columns - 22) ** 2 <= 100] = 1
    true[((rows - 32) ** 2 + (columns - 41) ** 2 <= 100) & (true == 0)] = 2
    assert ndimage.label(true > 0)[1] == 1
    return true
