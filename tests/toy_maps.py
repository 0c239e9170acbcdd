"""Random instance maps that look like nuclei, and predictions of them with the usual faults."""

from __future__ import annotations

import numpy as np
from scipy import ndimage


def nuclei(rng, size, n):
    """Voronoi cells of random points, cut to discs: touching, of many sizes; n ids, fewer where points coincide."""
    seeds = np.zeros((size, size), dtype=np.int32)
    points = rng.integers(0, size, (n, 2))
    seeds[points[:, 0], points[:, 1]] = np.arange(1, n + 1)
    distance, (rows, columns) = ndimage.distance_transform_edt(seeds == 0, return_indices=True)
    instances = seeds[rows, columns]
    radius = rng.uniform(0.3, 0.8, n + 1) * size / np.sqrt(n)
    return np.where(distance < radius[instances], instances, 0).astype(np.int32)


def perturbed(rng, instances):
    """Shift, merge here and there, drop some: a plausible prediction with other ids, which have gaps."""
    pred = np.roll(instances, rng.integers(-2, 3, 2), axis=(0, 1))
    names = rng.permutation(np.arange(1, instances.max() + 1)) * 3
    names[rng.random(len(names)) < 0.15] = 0
    names[rng.random(len(names)) < 0.10] = 5
    return np.append(0, names)[pred].astype(np.int32)


def pair(seed, size=300, n=200):
    """Return a true map and a prediction of it."""
    rng = np.random.default_rng(seed)
    true = nuclei(rng, size, n)
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
