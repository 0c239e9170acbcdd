"""Sets of images as a cheat and as an honest person would import them."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter

from metrics.window_search import turned

Tiles = Sequence[np.ndarray]


def crops(tiles: Tiles, n: int, size: int, rng: np.random.Generator, step: int = 1) -> list[np.ndarray]:
    """Cut windows at random places, or on a grid of `step` pixels."""
    found = []
    for index in rng.permutation(n) % len(tiles):
        height, width = tiles[index].shape[:2]
        y, x = (int(rng.integers((side - size) // step + 1)) * step for side in (height, width))
        found.append(np.ascontiguousarray(tiles[index][y : y + size, x : x + size]))
    return found


def turned_over(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.ascontiguousarray(turned(image, int(rng.integers(1, 8))))


def jpeg(image: np.ndarray, quality: int = 50) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=quality)
    return np.array(Image.open(file))


def jittered(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Change gain and offset of each channel, and the contrast."""
    changed = image * rng.uniform(0.85, 1.15, 3) + rng.uniform(-15, 15, 3)
    mean = changed.mean(axis=(0, 1))
    return np.clip((changed - mean) * rng.uniform(0.8, 1.2) + mean, 0, 255).astype(np.uint8)


def noisy(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.clip(image + rng.normal(0, 6, image.shape), 0, 255).astype(np.uint8)


Cheat = Callable[[Tiles, Tiles, int, int, np.random.Generator], list[np.ndarray]]

# test tiles, training tiles, number and size of images, and a generator
CHEATS: Mapping[str, Cheat] = {
    "grid": lambda test, train, n, size, rng: crops(test, n, size, rng, size),
    "whole tiles": lambda test, train, n, size, rng: list(test)[:n],
    "flips and rotations": lambda test, train, n, size, rng: [turned_over(x, rng) for x in crops(test, n, size, rng)],
    "shifts of 8 px": lambda test, train, n, size, rng: crops(test, n, size, rng, 8),
    "JPEG": lambda test, train, n, size, rng: [jpeg(x) for x in crops(test, n, size, rng)],
    "jitter": lambda test, train, n, size, rng: [jittered(x, rng) for x in crops(test, n, size, rng)],
    "added noise": lambda test, train, n, size, rng: [noisy(x, rng) for x in crops(test, n, size, rng)],
    "flips and jitter": lambda test, train, n, size, rng: [
        jittered(turned_over(x, rng), rng) for x in crops(test, n, size, rng)
    ],
    "whole tiles, flips and JPEG": lambda test, train, n, size, rng: [jpeg(turned_over(x, rng)) for x in test[:n]],
    "a sixth of training copies": lambda test, train, n, size, rng: [
        *(turned_over(x, rng) for x in crops(test, max(1, n // 6), size, rng)),
        *crops(train, n - max(1, n // 6), size, rng),
    ],
}


def _painted(n: int, size: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Paint smooth blobs in the colours of tissue."""
    found = []
    for _ in range(n):
        blobs = gaussian_filter(rng.normal(size=(size, size)), size / 12)
        found.append(
            np.clip(np.array([215, 170, 205]) + 25 * (blobs / blobs.std())[..., None], 0, 255).astype(np.uint8)
        )
    return found


def _mixed(train: Tiles, n: int, size: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Blend two training crops along a smooth mask, as GradMix does."""
    mask = np.clip(np.linspace(-1, 2, size), 0, 1)[None, :, None]
    pairs = zip(crops(train, n, size, rng), crops(train, n, size, rng), strict=True)
    return [(a * mask + b * (1 - mask)).astype(np.uint8) for a, b in pairs]


Honest = Callable[[Tiles, Tiles, int, int, np.random.Generator], list[np.ndarray]]

# training tiles, tiles of other slides, number and size of images, and a generator
HONEST: Mapping[str, Honest] = {
    "training crops": lambda train, other, n, size, rng: crops(train, n, size, rng),
    "training crops, turned": lambda train, other, n, size, rng: [
        turned_over(x, rng) for x in crops(train, n, size, rng)
    ],
    "training crops, jittered": lambda train, other, n, size, rng: [
        jittered(turned_over(x, rng), rng) for x in crops(train, n, size, rng)
    ],
    "other slides": lambda train, other, n, size, rng: crops(other, n, size, rng),
    "blurred": lambda train, other, n, size, rng: [gaussian_filter(x, (2, 2, 0)) for x in crops(other, n, size, rng)],
    "mixtures": lambda train, other, n, size, rng: _mixed(train, n, size, rng),
    "painted": lambda train, other, n, size, rng: _painted(n, size, rng),
    "noise": lambda train, other, n, size, rng: list(rng.integers(0, 256, (n, size, size, 3)).astype(np.uint8)),
}
