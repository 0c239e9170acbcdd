"""Traces of JPEG in decoded pixels: coefficients of 8 x 8 blocks are multiples of the steps of a table."""

from __future__ import annotations

from functools import cache

import numpy as np
from jaxtyping import Float32, Float64, Int64, UInt8

_LUMA = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ]
)
"""Steps of luminance at quality 50 (ITU-T T.81, table K.1)."""
_QUALITIES = range(10, 97)
"""Qualities that are looked for; above them, steps are hardly larger than the rounding of pixels."""
_SMALLEST_STEP = 3
_MOST_BLOCKS = 256
_FEWEST, _FEWEST_PLACES = 30, 6
_LEAST_MEAN, _LEAST_Z, _ROUNDING = 0.6, 6.0, 0.05
"""Coefficients without steps have a mean near 0 or below it, and JPEG's 0.8 or more; z is in standard errors."""


def quality_table(quality: int) -> Int64[np.ndarray, "8 8"]:
    """Return the steps of luminance at a quality from 1 to 100, as the Independent JPEG Group scales them."""
    scale = 5000 // quality if quality < 50 else 200 - 2 * quality
    return np.asarray(np.clip((_LUMA * scale + 50) // 100, 1, 255), np.int64)


def jpeg_traces(image: UInt8[np.ndarray, "h w 3"]) -> int | None:
    """Return the quality of the JPEG from which an image was decoded, or None if there are no traces of one.

    For each quality, the coefficients c of luminance that are not rounded to 0 are compared with the step s of their
    place: the mean of cos(2 pi c / s) is near 1 if they are multiples of s, and not above 0 if they do not. Blocks
    with a value of 0 or 255 are left out, because clipping moves their coefficients. Blocks are looked for at the
    image's corner, and where differences between neighbours say that a crop begins within a block.

    Resampled images have no traces, qualities above 96 hardly any, and small or smooth images may have too few
    coefficients. Tables other than the standard ones are given the quality that is nearest, or not found.
    """
    found = [_best(image[y:, x:]) for y, x in dict.fromkeys([(0, 0), _phase(image)])]
    mean, quality = max(found)
    return quality if mean >= _LEAST_MEAN else None


def _best(image: UInt8[np.ndarray, "h w 3"]) -> tuple[float, int]:
    """Return the largest mean over qualities, and its quality; 0 if there are too few coefficients."""
    from scipy.fft import dctn

    blocks = _blocks(image)
    if not len(blocks):
        return 0.0, 0
    coefficients = np.abs(dctn(blocks, axes=(1, 2), norm="ortho")).reshape(len(blocks), 64)
    coefficients[:, 0] = 0  # the mean of a block is not quantised about 0
    used = coefficients > _SMALLEST_STEP / 2
    _, places = np.nonzero(used)
    values = coefficients[used]
    best = (0.0, 0)
    for quality in _possible(coefficients):
        steps = quality_table(quality).reshape(64)[places]
        used = (steps >= _SMALLEST_STEP) & (values > steps / 2)
        n = np.count_nonzero(used)
        if n < _FEWEST or np.count_nonzero(np.bincount(places[used])) < _FEWEST_PLACES:
            continue
        mean = float(np.cos(2 * np.pi * values[used] / steps[used]).mean())
        if mean * np.sqrt(2 * n) >= _LEAST_Z:
            best = max(best, (mean, quality))
    return best


def _possible(coefficients: Float64[np.ndarray, "n 64"]) -> list[int]:
    """Return the qualities whose mean may reach the least one, by cosines in single precision.

    Most images have traces of no quality, which this finds out much faster than exact means of every quality.
    """
    sums, counts = np.zeros(len(_QUALITIES)), np.zeros(len(_QUALITIES))
    for (steps, places), column in zip(_different_steps(), coefficients.T, strict=True):
        values = column[column > _SMALLEST_STEP / 2].astype(np.float32)[None]
        used = (steps >= _SMALLEST_STEP) & (values > steps / 2)
        sums += np.where(used, np.cos(np.float32(2 * np.pi) / steps * values), 0).sum(1)[places]
        counts += used.sum(1)[places]
    means = sums / np.maximum(counts, 1)
    return [quality for quality, mean in zip(_QUALITIES, means, strict=True) if mean > _LEAST_MEAN - _ROUNDING]


@cache
def _different_steps() -> list[tuple[Float32[np.ndarray, "s 1"], Int64[np.ndarray, " q"]]]:
    """Return for each place the steps that differ between qualities, and which of them each quality has."""
    tables = np.stack([quality_table(quality).reshape(64) for quality in _QUALITIES])
    found = (np.unique(column, return_inverse=True) for column in tables.T)
    return [(steps.astype(np.float32)[:, None], places) for steps, places in found]


def _blocks(image: UInt8[np.ndarray, "h w 3"]) -> Float64[np.ndarray, "n 8 8"]:
    """Return luminance in blocks from the corner of an image, evenly chosen, without those that may be clipped."""
    height, width = (size // 8 * 8 for size in image.shape[:2])
    tiled = image[:height, :width].reshape(height // 8, 8, width // 8, 8, 3).swapaxes(1, 2).reshape(-1, 8, 8, 3)
    whole = tiled[(tiled.min((1, 2, 3), initial=255) > 0) & (tiled.max((1, 2, 3), initial=0) < 255)]
    kept = whole[:: max(1, len(whole) // _MOST_BLOCKS)]
    return np.asarray(kept @ np.array([0.299, 0.587, 0.114]) - 128.0)


def _phase(image: UInt8[np.ndarray, "h w 3"]) -> tuple[int, int]:
    """Return the row and column at which the first whole block begins, by the largest steps between neighbours."""
    green = image[..., 1].astype(np.float64)
    return _first_edge(green), _first_edge(green.T)


def _first_edge(rows: Float64[np.ndarray, "h w"]) -> int:
    if len(rows) < 32:
        return 0
    # the step between two rows, less those above and below it, which texture makes as large
    steps = np.abs(np.diff(rows, axis=0)).mean(1)
    excess = steps[1:-1] - (steps[:-2] + steps[2:]) / 2
    return int(np.argmax([excess[(phase - 2) % 8 :: 8].mean() for phase in range(8)]))
