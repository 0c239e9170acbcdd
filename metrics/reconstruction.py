"""How well an autoencoder reconstructs an image: MSE, PSNR, SSIM."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8

from bench.errors import DataError


@dataclass(frozen=True)
class Reconstruction:
    """MSE of values in [0, 1] (0 perfect), PSNR in dB (infinite for equal images), SSIM in [-1, 1] (1 perfect)."""

    mse: float
    psnr: float
    ssim: float


def reconstruction(image: UInt8[np.ndarray, "h w 3"], given_back: UInt8[np.ndarray, "h w 3"]) -> Reconstruction:
    """Return the scores of the reconstruction of an 8-bit RGB image.

    SSIM is that of Wang et al. (2004): Gaussian window of SD 1.5, population covariance, mean over channels.

    Raises:
        DataError: the images are not 8-bit, differ in shape, or are smaller than the window of 11 px.

    >>> image = np.tile(np.arange(16, dtype=np.uint8)[:, None, None], (1, 16, 3))
    >>> found = reconstruction(image, image + np.uint8(51))
    >>> round(found.mse, 4), round(found.psnr, 2)  # .2², -10 log10(.04)
    (0.04, 13.98)
    """
    from skimage.metrics import structural_similarity

    if image.dtype != np.uint8 or given_back.dtype != np.uint8 or image.shape != given_back.shape:
        raise DataError(
            "The images are not 8-bit or not of one shape",
            got=f"{image.dtype} {image.shape} and {given_back.dtype} {given_back.shape}",
        )
    if min(image.shape[:2]) < 11:
        raise DataError("The images must have at least 11 px per side", got=f"{image.shape}")
    a, b = image / 255.0, given_back / 255.0
    mse = float(((a - b) ** 2).mean())
    ssim = structural_similarity(  # type: ignore[no-untyped-call]
        a, b, channel_axis=2, data_range=1.0, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
    )
    return Reconstruction(mse=mse, psnr=float(-10 * np.log10(mse)) if mse else float("inf"), ssim=float(ssim))
