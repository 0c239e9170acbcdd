"""Sizes: which part of a drawn image shows the patch, and how it becomes the patch."""

from __future__ import annotations

import numpy as np
from jaxtyping import Int, UInt8

from bench.errors import ConfigError


def shown_pixels(patch: int, patch_mpp: float, image: int, image_mpp: float | None) -> int:
    """Return the side of the middle of an image that shows a patch, in pixels of the image.

    Without a resolution of the image, the whole image shows the patch.

    Raises:
        ConfigError: the patch is larger than the image.

    >>> shown_pixels(256, 0.25, 256, 0.5), shown_pixels(256, 0.25, 512, None)
    (128, 512)
    """
    if image_mpp is None:
        return image
    pixels = max(1, round(patch * patch_mpp / image_mpp))
    if pixels > image:
        raise ConfigError(
            f"A patch of {patch} pixels at {patch_mpp} um per pixel does not fit into an image of the pipeline",
            got=f"images of {image} pixels at {image_mpp} um per pixel, of which the patch needs {pixels}",
            fix=f"draw larger images, --set method.image_size={pixels}, or smaller patches",
        )
    return pixels


def place_labels(labels: Int[np.ndarray, "h w"], pixels: int, image: int) -> Int[np.ndarray, "image image"]:
    """Resize a label map by nearest neighbours to `pixels` and put it in the middle of an image.

    The margin is filled with the mirrored map, so that it shows tissue of the same kind.
    """
    resized = labels[np.ix_(*(_nearest(length, pixels) for length in labels.shape))]
    before = (image - pixels) // 2
    margin = (before, image - pixels - before)
    return np.pad(resized, (margin, margin), mode="symmetric")


def cut_patch(image: UInt8[np.ndarray, "s s 3"], pixels: int, patch: int) -> UInt8[np.ndarray, "patch patch 3"]:
    """Cut the middle out of an image and resample it to the patch: areas are averaged, or bicubic if it grows."""
    import cv2

    start = (image.shape[0] - pixels) // 2
    middle = image[start : start + pixels, start : start + pixels]
    if pixels == patch:
        return np.ascontiguousarray(middle)
    how = cv2.INTER_AREA if pixels > patch else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(middle, (patch, patch), interpolation=how), np.uint8)


def _nearest(length: int, wanted: int) -> Int[np.ndarray, " wanted"]:
    """Return the old position that is nearest to each of `wanted` new ones."""
    return ((np.arange(wanted) + 0.5) * length / wanted).astype(np.int64)
