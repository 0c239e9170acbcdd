"""Bringing a sample to another resolution: images by area, labels by the nearest pixel."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Shaped, UInt8

from bench.contract import Sample
from bench.errors import DataError
from bench.formats.labels.canonical import contiguous


def resample(sample: Sample, mpp: float) -> Sample:
    """Return a sample at `mpp` micrometres per pixel; instances that vanish are dropped with their types.

    The image is averaged over areas; labels take the pixel that holds the new pixel's centre, so that no id
    or class is ever mixed.

    Raises:
        DataError: `mpp` is finer than the sample's resolution.
    """
    factor = mpp / sample.mpp
    if abs(factor - 1) < 1e-6:
        return sample
    if sample.image.size == 0:  # a caption without its image
        return replace(sample, mpp=mpp)
    if factor < 1:
        raise DataError(
            f"The working resolution is finer than the {sample.mpp} um per pixel of sample {sample.id!r}",
            got=f"{mpp} um per pixel",
            fix="choose a preset with a coarser `mpp`, or the dataset's own",
        )
    height, width = (max(1, round(side / factor)) for side in sample.image.shape[:2])
    instances, types = sample.instances, sample.types
    if instances is not None:
        instances, kept = contiguous(_nearest(instances, height, width))
        types = None if types is None else types[kept - 1]
    ignore = None if sample.ignore is None else _nearest(sample.ignore, height, width)
    image = _area(sample.image, height, width)
    return replace(sample, image=image, mpp=mpp, instances=instances, types=types, ignore=ignore)


def fit_square(sample: Sample, size: int) -> Sample:
    """Return the middle of a sample as a square of `size` pixels, its shorter side resized to that.

    This keeps as much as a square can hold of an image whose class or caption describes all of it; HistoDiffusion
    prepares its images in this way. Shrinking averages over areas, enlarging interpolates (bicubic). `mpp` follows.
    Instances are refused, because they must never be enlarged.

    Raises:
        DataError: the sample has instances.
    """
    if sample.instances is not None or sample.ignore is not None:
        raise DataError("Samples with instances cannot be resized to a square", got=f"{sample.id!r} with instances")
    if sample.image.size == 0:  # a caption without its image
        return sample
    import cv2

    height, width = sample.image.shape[:2]
    short = min(height, width)
    image = sample.image
    if short != size:
        shape = (max(size, round(width * size / short)), max(size, round(height * size / short)))
        how = cv2.INTER_AREA if size < short else cv2.INTER_CUBIC
        image = np.asarray(cv2.resize(image, shape, interpolation=how), np.uint8)
    top, left = ((side - size) // 2 for side in image.shape[:2])
    image = np.ascontiguousarray(image[top : top + size, left : left + size])
    return replace(sample, image=image, mpp=sample.mpp * short / size)


def _area(image: UInt8[np.ndarray, "h w 3"], height: int, width: int) -> UInt8[np.ndarray, "g v 3"]:
    # imported here: OpenCV is slow to load, and most of this package does not use it
    import cv2

    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _nearest(labels: Shaped[np.ndarray, "h w"], height: int, width: int) -> Shaped[np.ndarray, "g v"]:
    rows = ((np.arange(height) + 0.5) * labels.shape[0] / height).astype(np.intp)
    columns = ((np.arange(width) + 0.5) * labels.shape[1] / width).astype(np.intp)
    return np.ascontiguousarray(labels[rows[:, None], columns[None, :]])
