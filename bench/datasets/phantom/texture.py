"""Random fields: smooth noise, fibres along an angle field, soft thresholds."""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Float32

Field = Float32[np.ndarray, "h w"]


def smooth_noise(rng: np.random.Generator, shape: tuple[int, int], sigma: float) -> Field:
    """Return Gaussian noise of correlation length `sigma` px, mean 0 and standard deviation 1 over the field.

    Long correlation lengths are drawn on a coarse grid and enlarged, which is cheap.
    """
    step = max(1, int(sigma / 1.6))
    coarse = (shape[0] // step + 3, shape[1] // step + 3)
    white = rng.standard_normal(coarse, dtype=np.float32)
    noise = np.asarray(cv2.GaussianBlur(white, (0, 0), sigma / step), dtype=np.float32)
    if step > 1:
        large = cv2.resize(noise, (coarse[1] * step, coarse[0] * step), interpolation=cv2.INTER_CUBIC)
        noise = np.asarray(large, dtype=np.float32)[step : step + shape[0], step : step + shape[1]]
    else:
        noise = noise[: shape[0], : shape[1]]
    return standardise(noise)


def standardise(field: Field) -> Field:
    """Shift and scale a field to mean 0 and standard deviation 1 (a constant field to 0)."""
    mean, sd = cv2.meanStdDev(field)
    scale = 1.0 / max(float(sd.item()), 1e-6)
    return np.asarray(field * np.float32(scale) - np.float32(mean.item() * scale), dtype=np.float32)


def smear(field: Field, angle: Field, length: float, step: float = 2.0) -> Field:
    """Average a field along straight lines of half-length `length` px along `angle` (radians).

    Line integral convolution (Cabral and Leedom 1993) with straight lines, which suffice where angles change slowly.
    """
    h, w = field.shape
    ys, xs = np.mgrid[0:h, 0:w].astype(np.float32)
    cos, sin = np.cos(angle), np.sin(angle)
    total = field.copy()
    reaches = np.arange(step, length + step / 2, step, dtype=np.float32)
    for reach in np.concatenate([-reaches, reaches]):
        moved = cv2.remap(
            field, xs + reach * cos, ys + reach * sin, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
        )
        total += moved
    return np.asarray(total / (1 + 2 * len(reaches)), dtype=np.float32)


def fibres(rng: np.random.Generator, angle: Field, length: float, width: float) -> Field:
    """Return a standardised texture of fibres `width` px thick that follow `angle` (radians)."""
    noise = smooth_noise(rng, (angle.shape[0], angle.shape[1]), width)
    return standardise(smear(noise, angle, length))


def soft_step(field: Field, softness: float) -> Field:
    """Return the logistic step 1 / (1 + exp(-field / softness)), in [0, 1]."""
    return np.asarray(1.0 / (1.0 + np.exp(np.clip(-field / softness, -30, 30))), dtype=np.float32)


def upper_share(field: Field, share: float, softness: float) -> Field:
    """Return a soft mask of the `share` of pixels where a standardised field is highest."""
    if share <= 0:
        return np.zeros_like(field)
    return soft_step(field - np.float32(np.quantile(field[::4, ::4], 1.0 - min(share, 1.0))), softness)
