"""Precision, recall, density and coverage: is the synthetic set inside the real one, and does it fill it?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from bench.errors import DataError
from metrics.features import check_pair
from metrics.nearest_neighbours import kth_radii, squared_distances


@dataclass(frozen=True)
class ManifoldScores:
    """How two sets are placed in each other's neighbourhoods.

    Precision, recall and coverage are in [0, 1]; density may exceed 1 if synthetic images concentrate in dense regions
    of the real ones. All decrease with the number of dimensions and depend on n and k: compare at equal values.
    """

    precision: float
    recall: float
    density: float
    coverage: float
    k: int
    n_real: int
    n_synthetic: int


def manifold_scores(
    real: Float[np.ndarray, "n d"], synthetic: Float[np.ndarray, "m d"], *, k: int = 5
) -> ManifoldScores:
    """Return precision, recall (Kynkäänniemi et al. 2019), density and coverage (Naeem et al. 2020).

    Each image has a ball that reaches to its k-th nearest neighbour in its own set. Precision: share of synthetic
    images in some real ball; recall: of real images in some synthetic ball; density: mean number of real balls that
    contain a synthetic image, divided by k; coverage: share of real balls that contain one. A point on a ball's
    surface is outside the ball, as in the reference code of Naeem et al.

    Args:
        real: one row per image.
        synthetic: one row per image.
        k: neighbours that define a ball, fewer than the rows of either set.

    Raises:
        DataError: the features are invalid, or k is too large.

    >>> real, synthetic = np.arange(4.0)[:, None], np.array([[0.5], [9.0]])
    >>> scores = manifold_scores(real, synthetic, k=1)
    >>> scores.precision, scores.recall, scores.density, scores.coverage
    (0.5, 1.0, 1.0, 0.5)
    """
    x, y = check_pair(real, synthetic)
    if not 1 <= k < min(len(x), len(y)):
        raise DataError("Both sets must have k neighbours", got=f"k = {k}, {len(x)} real, {len(y)} synthetic rows")
    radii_real, radii_synthetic = kth_radii(x, k), kth_radii(y, k)
    held = 0
    recalled = covered = 0
    inside_real = np.zeros(len(y), dtype=np.int64)
    for start, block in squared_distances(x, y):
        holds = block < radii_real[start : start + len(block), None]
        inside_real += holds.sum(axis=0)
        covered += int(holds.any(axis=1).sum())
        recalled += int((block < radii_synthetic).any(axis=1).sum())
    held = int(inside_real.sum())
    return ManifoldScores(
        precision=float((inside_real > 0).mean()),
        recall=recalled / len(x),
        density=held / (k * len(y)),
        coverage=covered / len(x),
        k=k,
        n_real=len(x),
        n_synthetic=len(y),
    )
