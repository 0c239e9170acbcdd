"""Small pictures for reports: resized, with outlines, in the smaller of two encodings."""

from __future__ import annotations

import io
import math

import numpy as np
from jaxtyping import Int32, UInt8
from PIL import Image

from reports.outlines import outlined

QUALITY = 90


def thumbnail(
    image: UInt8[np.ndarray, "h w 3"],
    instances: Int32[np.ndarray, "h w"] | None,
    types: UInt8[np.ndarray, " n"] | None,
    longest: int,
) -> UInt8[np.ndarray, "sh sw 3"]:
    """Return an image with the outlines of its nuclei, whose longer side has at most `longest` pixels.

    One of less than two thirds of that is enlarged by a whole number, if there is room.
    """
    side, least = max(image.shape[:2]), longest * 2 // 3
    scale = min(math.ceil(least / side), longest // side) if side < least else min(1.0, longest / side)
    return outlined(image, instances, types, scale, width=2 if scale >= 2 else 1)


def encode(image: UInt8[np.ndarray, "h w 3"]) -> tuple[bytes, str]:
    """Return the file of an image and its ending: WebP, or PNG where that is smaller, as it is for flat colours."""
    picture = Image.fromarray(image)
    files = {}
    for ending, settings in (("webp", {"quality": QUALITY}), ("png", {})):
        buffer = io.BytesIO()
        picture.save(buffer, format=ending, **settings)
        files[ending] = buffer.getvalue()
    ending = min(files, key=lambda name: len(files[name]))
    return files[ending], ending
