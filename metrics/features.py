"""Checks of feature sets before a distance: they must be finite, of one width, and have at least two rows."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Float64, Real

from bench.errors import DataError

LARGEST = 1e15
"""Features beyond this, or all nearer to 0 than its inverse, are refused: distances square them in 32 bits."""


def check_features(features: Real[np.ndarray, "n d"], name: str, *, fewest: int = 2) -> Float64[np.ndarray, "n d"]:
    """Return the features in float64, one row per image.

    Raises:
        DataError: the features are not a 2-D array of numbers, or have fewer than `fewest` rows, NaN or infinite
            values, or only values so large or small that their squares are lost.

    >>> check_features(np.array([[1, 2], [3, 4]]), "real").tolist()
    [[1.0, 2.0], [3.0, 4.0]]
    """
    array = np.asarray(features)
    if array.ndim != 2 or array.shape[1] == 0 or array.dtype.kind not in "fiu":
        raise DataError(
            f"The {name} features are not a 2-D array of numbers with one row per image",
            got=f"{array.dtype} of shape {array.shape}",
        )
    if len(array) < fewest:
        raise DataError(f"There must be at least {fewest} rows of {name} features", got=f"{len(array)}")
    array = array.astype(np.float64)
    bad = np.flatnonzero(~np.isfinite(array).all(axis=1))
    if len(bad):
        raise DataError(
            f"The {name} features are not finite",
            got=f"NaN or infinity in {len(bad)} of {len(array)} rows, first in row {bad[0]}",
            fix="look for broken images, or run the encoder in 32-bit precision",
        )
    largest = np.abs(array).max(initial=0.0)
    if largest > LARGEST or 0 < largest < 1 / LARGEST:
        raise DataError(
            f"The {name} features are too {'large' if largest > 1 else 'small'} for distances to be computed",
            got=f"values of up to {largest:g}",
            fix=f"bring both sets to values between {1 / LARGEST:g} and {LARGEST:g} by one factor",
        )
    return array


def check_pair(
    real: Float[np.ndarray, "n d"], synthetic: Float[np.ndarray, "m d"], *, fewest: int = 2
) -> tuple[Float64[np.ndarray, "n d"], Float64[np.ndarray, "m d"]]:
    """Return both feature sets in float64; `fewest` is the least number of synthetic rows.

    Raises:
        DataError: one of them is invalid (see :func:`check_features`), or they differ in width.

    >>> real, synthetic = check_pair(np.zeros((3, 2)), np.ones((2, 2)))
    >>> real.shape, synthetic.shape
    ((3, 2), (2, 2))
    """
    first, second = check_features(real, "real"), check_features(synthetic, "synthetic", fewest=fewest)
    if first.shape[1] != second.shape[1]:
        raise DataError(
            "The real and synthetic features are not of one width",
            got=f"{first.shape[1]} and {second.shape[1]} columns",
            fix="extract both with the same encoder",
        )
    return first, second
