"""Whether a set reproduces the slides that it was made from: its images of a slide are nearest to that slide."""

from __future__ import annotations

from itertools import permutations

import numpy as np
from jaxtyping import Float, Float64

from metrics.features import check_pair
from metrics.groups import Groups

DIRECTIONS = 20
FEWEST = 4
"""Slides on both sides: the smallest p-value of four is 1/24."""
_MOST = 6
_SHUFFLES = 999


def own_slides(
    real: Float[np.ndarray, "n d"],
    synthetic: Float[np.ndarray, "m d"],
    real_groups: Groups,
    synthetic_groups: Groups,
    *,
    rng: np.random.Generator,
) -> float | None:
    """Return the p-value of a permutation test: are images of a set as near to other slides as to their own?

    The statistic is the sum over slides of the squared distance between the mean of the real images of a slide and
    that of the synthetic images that derive from it, in the first 20 principal components of deviations from means
    of slides, each divided by its standard deviation. It is compared with that of slides assigned at random: of all
    assignments up to six slides, otherwise of 999.

    Args:
        real: one row per image.
        synthetic: one row per image.
        real_groups: slide of each real image.
        synthetic_groups: slide that each synthetic image derives from.
        rng: draws the assignments.

    Returns:
        the p-value; None with fewer than four slides on both sides, or if images of a slide do not vary.

    Raises:
        DataError: the features are invalid.

    >>> of = np.arange(40) // 10
    >>> real = np.random.default_rng(0).normal(size=(40, 3)) + 2 * of[:, None]
    >>> round(own_slides(real, real + 0.1, of, of, rng=np.random.default_rng(0)), 3)  # the best of 24 assignments
    0.042
    """
    x, y = check_pair(real, synthetic)
    of_x, of_y = np.asarray(real_groups).astype(str), np.asarray(synthetic_groups).astype(str)
    common = np.intersect1d(of_x, of_y)
    if len(common) < FEWEST:
        return None
    means = np.stack([x[of_x == slide].mean(axis=0) for slide in common])
    made = np.stack([y[of_y == slide].mean(axis=0) for slide in common])
    within = np.concatenate([x[of_x == slide] - mean for slide, mean in zip(common, means, strict=True)])
    _, sizes, axes = np.linalg.svd(within, full_matrices=False)
    kept = min(DIRECTIONS, int((sizes > 1e-6 * sizes[0]).sum()))
    if not kept or sizes[0] == 0:
        return None
    scaled = axes[:kept].T / sizes[:kept]
    costs = (((means @ scaled)[:, None] - (made @ scaled)[None]) ** 2).sum(axis=-1)
    return _p_value(costs, rng)


def _p_value(costs: Float64[np.ndarray, "g g"], rng: np.random.Generator) -> float:
    n, rows = len(costs), np.arange(len(costs))
    own = float(np.trace(costs)) * (1 + 1e-9)
    if n <= _MOST:
        others = [float(costs[rows, list(order)].sum()) for order in permutations(range(n))]
        return sum(cost <= own for cost in others) / len(others)
    shuffled = [float(costs[rows, rng.permutation(n)].sum()) for _ in range(_SHUFFLES)]
    return (1 + sum(cost <= own for cost in shuffled)) / (1 + _SHUFFLES)
