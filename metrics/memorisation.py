"""Has the generator copied its training images? Answers need training, test and synthetic features together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float64, Int64

from metrics.features import check_pair
from metrics.nearest_neighbours import kth_radii, nearest


@dataclass(frozen=True)
class MemorisationScores:
    """How close different synthetic images are to different training images; repeated images count once.

    `auth_pct` in [0, 100]: share of synthetic images that are farther from their nearest training image than that one
    is from any other training image; copies give 0, fresh images about 50 and more. `copy_rate` in [0, 1]: share
    nearer to a training image than all but `quantile` of the test images are; fresh images give about `quantile`,
    copies 1; NaN without test images. `nearest` is the training image nearest to each synthetic one, `distances` how
    far away that is, `limit` the distance up to which it counts as a copy (NaN without test images), and `n` the number
    of different synthetic images.
    """

    auth_pct: float
    copy_rate: float
    quantile: float
    nearest: Int64[np.ndarray, " m"]
    distances: Float64[np.ndarray, " m"]
    limit: float
    n: int


def memorisation(
    train: Float[np.ndarray, "n d"],
    synthetic: Float[np.ndarray, "m d"],
    test: Float[np.ndarray, "t d"] | None = None,
    *,
    quantile: float = 0.05,
) -> MemorisationScores:
    """Return AuthPct (Alaa et al., ICML 2022) and the nearest-neighbour copy rate.

    Equal rows of a set are one image. An image as far from its nearest training image as that one is from the next is
    not authentic (strictly, as in the paper).

    Args:
        train: features of the images that the generator was trained on.
        synthetic: features of its images.
        test: features of real images that it never saw, from other slides.
        quantile: share of test images that the threshold of copying may count as copies.

    Raises:
        DataError: the features are invalid or differ in width.

    >>> train, synthetic = np.array([[0.0], [0.0], [4.0], [8.0]]), np.array([[0.0], [0.0], [14.0]])
    >>> found = memorisation(train, synthetic)  # the first is a copy, twice
    >>> found.auth_pct, found.n
    (50.0, 2)
    """
    real, made = check_pair(train, synthetic, fewest=1)
    first = different(real)
    real = real[first]
    made, place = np.unique(made, axis=0, return_inverse=True)
    index, distance = nearest(made, real)
    copied = _among(made, real)  # in 32 bits, the distance of equal rows need not be 0
    authentic = (distance > kth_radii(real, 1)[index]) & ~copied
    rate = limit = float("nan")
    if test is not None:
        _, unseen = check_pair(train, test)
        apart = nearest(unseen[different(unseen)], real)[1]
        limit = float(np.quantile(apart, quantile))
        rate = float(((distance <= limit) | copied).mean())
    every = place.reshape(-1)
    whose = np.asarray(first[index][every], np.int64)
    return MemorisationScores(
        float(100 * authentic.mean()),
        rate,
        quantile,
        whose,
        np.sqrt(distance)[every].astype(np.float64),
        float(np.sqrt(limit)),
        len(made),
    )


def different(features: Float[np.ndarray, "n d"]) -> Int64[np.ndarray, " k"]:
    """Return the indices of the first of equal rows, in order.

    >>> different(np.array([[1.0], [2.0], [1.0]])).tolist()
    [0, 1]
    """
    return np.sort(np.unique(features, axis=0, return_index=True)[1]).astype(np.int64)


def _among(rows: Float[np.ndarray, "m d"], others: Float[np.ndarray, "n d"]) -> Bool[np.ndarray, " m"]:
    """Return which rows are equal to one of the others."""
    number = np.unique(np.concatenate([others, rows]), axis=0, return_inverse=True)[1].reshape(-1)
    return np.asarray(np.isin(number[len(others) :], number[: len(others)]))
