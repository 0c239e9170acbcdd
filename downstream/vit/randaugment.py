"""RandAugment (Cubuk et al., NeurIPS 2020), with the ranges of timm's `rand-m9-mstd0.5-inc1`, which the release uses.

This is our own implementation, because timm draws from global generators. Here every draw comes from the given one.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageEnhance, ImageOps

Square = UInt8[np.ndarray, "s s 3"]
Operation = Callable[[Image.Image, float, np.random.Generator], Image.Image]

APPLIED = 0.5  # probability that a chosen operation is applied
FILL = (124, 116, 104)  # colour of pixels beyond the border: ImageNet's mean


def randaugment(
    image: Square, operations: int, magnitude: float, magnitude_sd: float, rng: np.random.Generator
) -> Square:
    """Apply random operations, drawn with replacement.

    Args:
        image: pixels.
        operations: how many operations are drawn; each is then left out with a probability of one half.
        magnitude: mean strength, from 0 (none) to 10 (the strongest).
        magnitude_sd: standard deviation of the strength, which is clipped to [0, 10].
        rng: the generator of all draws.
    """
    picture = Image.fromarray(image)
    for place in rng.integers(len(OPERATIONS), size=operations):
        level = float(np.clip(rng.normal(magnitude, magnitude_sd), 0, 10)) / 10
        if rng.random() < APPLIED:
            picture = OPERATIONS[int(place)](picture, level, rng)
    return np.array(picture)


def _sign(rng: np.random.Generator) -> int:
    return 1 if rng.random() < 0.5 else -1


def _enhance(kind: Callable[[Image.Image], ImageEnhance._Enhance]) -> Operation:
    """Return an operation that moves away from or towards grey, black, the mean or a blur, by up to 0.9."""
    return lambda image, level, rng: kind(image).enhance(max(0.1, 1 + _sign(rng) * 0.9 * level))


def _affine(image: Image.Image, matrix: tuple[float, ...]) -> Image.Image:
    return image.transform(
        image.size, Image.Transform.AFFINE, matrix, resample=Image.Resampling.BICUBIC, fillcolor=FILL
    )


def _rotate(image: Image.Image, level: float, rng: np.random.Generator) -> Image.Image:
    return image.rotate(_sign(rng) * 30 * level, resample=Image.Resampling.BICUBIC, fillcolor=FILL)


def _shear_x(image: Image.Image, level: float, rng: np.random.Generator) -> Image.Image:
    return _affine(image, (1, _sign(rng) * 0.3 * level, 0, 0, 1, 0))


def _shear_y(image: Image.Image, level: float, rng: np.random.Generator) -> Image.Image:
    return _affine(image, (1, 0, 0, _sign(rng) * 0.3 * level, 1, 0))


def _shift_x(image: Image.Image, level: float, rng: np.random.Generator) -> Image.Image:
    return _affine(image, (1, 0, _sign(rng) * 0.45 * level * image.width, 0, 1, 0))


def _shift_y(image: Image.Image, level: float, rng: np.random.Generator) -> Image.Image:
    return _affine(image, (1, 0, 0, 0, 1, _sign(rng) * 0.45 * level * image.height))


def _posterise(image: Image.Image, level: float, rng: np.random.Generator) -> Image.Image:
    bits = 4 - int(level * 4)
    return ImageOps.posterize(image, bits) if bits else Image.new("RGB", image.size)


def _solarise(image: Image.Image, level: float, rng: np.random.Generator) -> Image.Image:
    return ImageOps.solarize(image, 256 - int(level * 256))


def _solarise_add(image: Image.Image, level: float, rng: np.random.Generator) -> Image.Image:
    added = min(128, int(level * 110))
    return image.point([min(255, value + added) if value < 128 else value for value in range(256)] * 3)


OPERATIONS: tuple[Operation, ...] = (
    lambda image, level, rng: ImageOps.autocontrast(image),
    lambda image, level, rng: ImageOps.equalize(image),
    lambda image, level, rng: ImageOps.invert(image),
    _rotate,
    _posterise,
    _solarise,
    _solarise_add,
    _enhance(ImageEnhance.Color),
    _enhance(ImageEnhance.Contrast),
    _enhance(ImageEnhance.Brightness),
    _enhance(ImageEnhance.Sharpness),
    _shear_x,
    _shear_y,
    _shift_x,
    _shift_y,
)
