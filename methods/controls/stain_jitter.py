"""Stain jitter: colour deconvolution, a change of the amount of each stain, and recomposition."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64, UInt8

# optical densities of haematoxylin, eosin and DAB in red, green and blue (Ruifrok & Johnston 2001, table 1)
HED = np.array([[0.65, 0.70, 0.29], [0.07, 0.99, 0.11], [0.27, 0.57, 0.78]])
HED_UNIT: Float64[np.ndarray, "3 3"] = HED / np.linalg.norm(HED, axis=1, keepdims=True)
"""One stain per row, each of unit length."""


def optical_density(image: UInt8[np.ndarray, "h w 3"]) -> Float64[np.ndarray, "h w 3"]:
    """Return -ln((value + 1) / 256): 0 for white, at most ln 256 = 5.55."""
    return np.asarray(-np.log((image.astype(np.float64) + 1) / 256))


def jitter_stains(
    image: UInt8[np.ndarray, "h w 3"], scale: Float64[np.ndarray, " 3"], shift: Float64[np.ndarray, " 3"]
) -> UInt8[np.ndarray, "h w 3"]:
    """Change the amount s of each stain to scale * s + shift in every pixel.

    Args:
        image: RGB.
        scale: a factor for haematoxylin, eosin and the residual; 1 changes nothing.
        shift: a summand for each, in optical density (natural logarithm); 0 changes nothing.

    See Tellez et al. 2018 (IEEE TMI 37:2126). Their amounts come from the deconvolution in scikit-image at that time,
    which adds 2 to intensities in [0, 1], where this function adds one grey level of 256.
    """
    amounts = optical_density(image) @ np.linalg.inv(HED_UNIT)
    density = (amounts * scale + shift) @ HED_UNIT
    return np.asarray(np.clip(np.rint(256 * np.exp(-density) - 1), 0, 255), np.uint8)
