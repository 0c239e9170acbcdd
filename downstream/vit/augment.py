"""Augmentation of one training image in the order of the release: crop, flip, RandAugment, erase."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import UInt8

from downstream.augment import dihedral, scale_contrast, scale_saturation
from downstream.images import resized, to_square
from downstream.vit.config import Recipe
from downstream.vit.randaugment import randaugment

Image = UInt8[np.ndarray, "h w 3"]
Square = UInt8[np.ndarray, "s s 3"]

# Random erasing (Zhong et al., AAAI 2020): share of the area, and range of height : width.
ERASED, ERASED_ASPECT = (0.02, 1 / 3), (0.3, 1 / 0.3)
# Noise that fills the rectangle: mean and SD of the pixels of natural images, out of 255, averaged over channels.
NOISE = (115.0, 58.0)
ATTEMPTS = 10  # number of attempts to draw a rectangle that fits


def augment(image: Image, size: int, recipe: Recipe, rng: np.random.Generator) -> Square:
    """Return the augmented image at the network's size; a pure function of its arguments."""
    image = cut(image, size, recipe, rng)
    if recipe.symmetries == "all":
        (image,) = dihedral(rng, image)
    elif recipe.symmetries == "flip" and rng.random() < 0.5:
        image = image[:, ::-1]
    image = np.ascontiguousarray(image)
    if recipe.operations:
        image = randaugment(image, recipe.operations, recipe.magnitude, recipe.magnitude_sd, rng)
    if recipe.jitter:
        image = jitter(image, recipe.jitter, rng)
    return erase(image, rng) if rng.random() < recipe.erasing else image


def cut(image: Image, size: int, recipe: Recipe, rng: np.random.Generator) -> Square:
    """Cut out a random rectangle and scale it to `size`; use the central square if no drawn rectangle fits."""
    if recipe.crop == (1.0, 1.0):
        return to_square(image, size)
    height, width = image.shape[:2]
    for _ in range(ATTEMPTS):
        h, w = _rectangle(height * width * rng.uniform(*recipe.crop), recipe.aspect, rng)
        if 0 < h <= height and 0 < w <= width:
            y, x = int(rng.integers(height - h + 1)), int(rng.integers(width - w + 1))
            return resized(image[y : y + h, x : x + w], size, size)
    return to_square(image, size)


def jitter(image: Square, strength: float, rng: np.random.Generator) -> Square:
    """Scale brightness, contrast and saturation by factors within 1 ± `strength`, in random order."""
    for step in rng.permutation(3):
        factor = rng.uniform(1 - strength, 1 + strength)
        if step == 0:
            image = np.clip(np.rint(image * np.float32(factor)), 0, 255).astype(np.uint8)
        else:
            image = (scale_contrast if step == 1 else scale_saturation)(image, factor)
    return image


def erase(image: Square, rng: np.random.Generator) -> Square:
    """Fill a random rectangle with noise that is drawn for each pixel."""
    height, width = image.shape[:2]
    for _ in range(ATTEMPTS):
        h, w = _rectangle(height * width * rng.uniform(*ERASED), ERASED_ASPECT, rng)
        if h < height and w < width:
            y, x = int(rng.integers(height - h + 1)), int(rng.integers(width - w + 1))
            image = image.copy()
            noise = rng.normal(*NOISE, size=(h, w, 3))
            image[y : y + h, x : x + w] = np.clip(np.rint(noise), 0, 255)
            return image
    return image


def _rectangle(area: float, aspect: tuple[float, float], rng: np.random.Generator) -> tuple[int, int]:
    """Return height and width of a rectangle whose aspect is drawn uniformly on a logarithmic scale."""
    ratio = math.exp(rng.uniform(math.log(aspect[0]), math.log(aspect[1])))
    return round(math.sqrt(area / ratio)), round(math.sqrt(area * ratio))
