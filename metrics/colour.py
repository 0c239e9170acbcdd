"""A distance of stain and colour only: blind to structure, it exposes scores that were achieved by colour."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from jaxtyping import Float64, UInt8

from metrics.frechet import FrechetDistance, frechet_distance

# Optical density of H and E in RGB (Ruifrok & Johnston 2001), and white.
_STAINS = np.array([[0.65, 0.70, 0.29], [0.07, 0.99, 0.11]])
_WHITE = 255.0


def colour_distance(
    real: Iterable[UInt8[np.ndarray, "h w 3"]], synthetic: Iterable[UInt8[np.ndarray, "h w 3"]]
) -> FrechetDistance:
    """Return the Fréchet distance of colour features (see :func:`colour_features`), 0 for equal colours.

    If a set's Fréchet distance on an encoder is low and this distance is at its floor, the set may match little more
    than the stain; if the colour distance is large, stain normalisation helps more than a better generator.

    >>> pale, dark = np.full((2, 4, 4, 3), 220, np.uint8), np.full((2, 4, 4, 3), 90, np.uint8)
    >>> round(colour_distance(pale, dark).value, 2)
    0.95
    """
    return frechet_distance(
        np.stack([colour_features(image) for image in real]), np.stack([colour_features(image) for image in synthetic])
    )


def colour_features(image: UInt8[np.ndarray, "h w 3"]) -> Float64[np.ndarray, " 10"]:
    """Return mean and SD of optical density in R, G, B and of hematoxylin and eosin, whatever the order of pixels.

    >>> colour_features(np.full((4, 4, 3), 127, np.uint8))[:3].round(3).tolist()  # log10(256 / 128)
    [0.301, 0.301, 0.301]
    """
    density = -np.log10((image.reshape(-1, 3) + 1.0) / (_WHITE + 1.0))
    stains = density @ np.linalg.pinv(_STAINS / np.linalg.norm(_STAINS, axis=1, keepdims=True))
    values = np.concatenate([density, stains], axis=1)
    return np.concatenate([values.mean(axis=0), values.std(axis=0)])
