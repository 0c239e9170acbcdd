"""Augmentation of training patches: one geometry for image and labels, then colour, as in HoVer-Net's release."""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Float64, Int32, UInt8
from pydantic import Field

from bench.contract import Settings

Image = UInt8[np.ndarray, "h w 3"]


class Augmentation(Settings):
    """Strengths of the augmentation; the defaults are those of the release (train_loader.py)."""

    affine: bool = True  # scale, shift, shear and rotation of patches with a margin; all patches are flipped and turned
    scale: tuple[float, float] = (0.8, 1.2)  # per axis
    translate: float = Field(default=0.01, ge=0)  # share of the patch's side, per axis
    shear: float = Field(default=5.0, ge=0)  # degrees, x only (imgaug's Affine)
    rotate: float = Field(default=179.0, ge=0)  # degrees
    blur: bool = True  # one of Gaussian blur, median blur and Gaussian noise
    noise: float = Field(default=0.05, ge=0)  # largest standard deviation, as a share of 255
    hue: float = Field(default=8.0, ge=0)  # out of OpenCV's 180 steps
    saturation: float = Field(default=0.2, ge=0)
    brightness: float = Field(default=26.0, ge=0)  # out of 255
    contrast: tuple[float, float] = (0.75, 1.25)


def affine(rng: np.random.Generator, size: int, settings: Augmentation) -> Float64[np.ndarray, "2 3"]:
    """Draw an affine map from (x, y, 1), relative to the centre of a patch of side `size`, to the tile."""
    angle, shear = np.deg2rad(rng.uniform(-1, 1, 2) * (settings.rotate, settings.shear))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    slant = np.array([[1.0, -np.tan(shear)], [0.0, 1.0]])
    linear = np.linalg.inv(turn @ slant @ np.diag(rng.uniform(*settings.scale, 2)))
    shift = rng.uniform(-1, 1, 2) * settings.translate * size
    return np.column_stack([linear, shift])


def dihedral(
    rng: np.random.Generator,
    *arrays: np.ndarray,
) -> tuple[np.ndarray, ...]:
    """Turn and flip square arrays in the same way, by one of the eight symmetries of the square.

    This is used for patches without a margin (synthetic ones): other rotations would show corners that nobody drew.
    """
    turns, flip = int(rng.integers(4)), bool(rng.integers(2))
    turned = (np.rot90(array, turns) for array in arrays)
    return tuple(np.ascontiguousarray(array[:, ::-1] if flip else array) for array in turned)


def colour(image: Image, rng: np.random.Generator, settings: Augmentation) -> Image:
    """Blur the image or add noise, then jitter hue, saturation, brightness and contrast in random order."""
    if settings.blur:
        image = _blur_or_noise(image, rng, settings)
    for step in rng.permutation(4):
        if step == 0:
            image = shift_hue(image, rng.uniform(-settings.hue, settings.hue))
        elif step == 1:
            image = scale_saturation(image, 1 + rng.uniform(-settings.saturation, settings.saturation))
        elif step == 2:
            image = _clip(image + np.float32(rng.uniform(-settings.brightness, settings.brightness)))
        else:
            image = scale_contrast(image, rng.uniform(*settings.contrast))
    return image


def shift_hue(image: Image, amount: float) -> Image:
    """Shift the hue by `amount` of OpenCV's 180 steps."""
    if amount == 0:
        return image  # a conversion to 8-bit HSV and back would change colours by rounding
    hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)
    # The value is rounded before the modulus: 179.6 must become 0, not 180, which OpenCV does not define.
    hsv[..., 0] = np.round(hsv[..., 0] + np.float32(amount)).astype(np.int16) % 180
    return np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB))


def scale_saturation(image: Image, factor: float) -> Image:
    """Move the colours away from their own grey (`factor` > 1) or towards it (`factor` < 1)."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[..., None].astype(np.float32)
    return _clip(grey + (image - grey) * np.float32(factor))


def scale_contrast(image: Image, factor: float) -> Image:
    """Move the colours away from the image's mean or towards it.

    The release computes this and then clips the original image instead, so its contrast never changes.
    """
    mean = image.mean((0, 1), dtype=np.float32)
    return _clip(mean + (image - mean) * np.float32(factor))


def _blur_or_noise(image: Image, rng: np.random.Generator, settings: Augmentation) -> Image:
    kind = int(rng.integers(3))
    if kind == 0:
        width, height = (2 * rng.integers(0, 3, 2) + 1).tolist()
        return np.asarray(cv2.GaussianBlur(image, (width, height), 0, borderType=cv2.BORDER_REPLICATE))
    if kind == 1:
        return np.asarray(cv2.medianBlur(image, 2 * int(rng.integers(0, 3)) + 1))
    channels = 3 if rng.random() < 0.5 else 1
    noise = rng.standard_normal((*image.shape[:2], channels), dtype=np.float32)
    return _clip(image + noise * np.float32(rng.uniform(0, settings.noise * 255)))


def _clip(image: np.ndarray) -> Image:
    return np.asarray(np.clip(np.rint(image), 0, 255).astype(np.uint8))


def separate_mirrored(instances: Int32[np.ndarray, "h w"]) -> Int32[np.ndarray, "h w"]:
    """Give every connected piece of every instance its own id, so that mirror images count as separate nuclei."""
    from skimage.measure import label

    pieces = label(instances, background=0, connectivity=1)  # type: ignore[no-untyped-call]
    return np.asarray(pieces, dtype=np.int32)
