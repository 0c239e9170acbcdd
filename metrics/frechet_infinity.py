"""The Fréchet distance extrapolated to infinitely many images, where its bias by few images is gone."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from metrics.features import check_pair
from metrics.frechet import frechet_distance

N_SIZES = 8
FEWEST = 4
"""Images per dimension that an extrapolation needs: the smallest size is half of them."""


def frechet_infinity(
    real: Float[np.ndarray, "n d"], synthetic: Float[np.ndarray, "m d"], *, rng: np.random.Generator
) -> float:
    """Return the intercept of a line through Fréchet distances of samples of n images, over 1 / n.

    Chong & Forsyth, CVPR 2020 (FID∞), extrapolate the synthetic side against all real images; here both sides have n
    images, at eight sizes with equal steps of 1 / n between half of all images and all of them. The images of each
    size are drawn without replacement. What few slides add does not depend on n and stays.

    Returns:
        the distance, which may be slightly negative; NaN with fewer than four images per dimension on a side, where
        the bias is not a line.

    Raises:
        DataError: the features are invalid.

    >>> rng = np.random.default_rng(0)
    >>> x, y = rng.normal(size=(400, 8)), rng.normal(size=(400, 8))
    >>> round(frechet_distance(x, y).value, 2), round(abs(frechet_infinity(x, y, rng=rng)), 1)
    (0.17, 0.0)
    """
    x, y = check_pair(real, synthetic)
    n = min(len(x), len(y))
    if n < FEWEST * x.shape[1]:
        return float("nan")
    sizes = np.round(1 / np.linspace(2 / n, 1 / n, N_SIZES)).astype(int)
    values = [
        frechet_distance(x[rng.permutation(len(x))[:size]], y[rng.permutation(len(y))[:size]]).value for size in sizes
    ]
    _, intercept = np.polyfit(1 / sizes, values, 1)
    return float(intercept)
