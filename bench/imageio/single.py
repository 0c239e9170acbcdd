"""Files of one image: PNG, JPEG, WebP, BMP, PNM, JPEG 2000 and GIF, as Pillow decodes them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from bench.errors import DataError
from bench.imageio.colour import Stored, to_rgb, upper_bits
from bench.imageio.orientation import TAG, as_orientation


def read_single(path: Path) -> Stored:
    """Return the image of a file that is not a TIFF.

    Raises:
        DataError: it is an animation, or its colours are not those of an image; see :func:`to_rgb`.
    """
    with Image.open(path) as image:
        frames = getattr(image, "n_frames", 1)
        # a camera's MPO has its image first, and previews of it behind
        if frames > 1 and image.format != "MPO":
            raise DataError(
                f"{path} is not one image but an animation",
                got=f"{image.format} of {frames} frames",
                fix="write the frame that is meant as a PNG",
            )
        image.load()
        orientation = _orientation(image)
        if image.format == "PNG" and image.mode in ("RGB", "RGBA") and _png_depth(path) == 16:
            return Stored(*_deep_png(path), orientation)
        return Stored(*to_rgb(image, path), orientation)


def single_size(path: Path) -> tuple[int, int, int]:
    """Return the height and width of the image as stored, and its orientation."""
    with Image.open(path) as image:
        return image.height, image.width, _orientation(image)


def _orientation(image: Image.Image) -> int:
    """Return the orientation in EXIF, or else in XMP; damaged metadata says nothing."""
    try:
        value = image.getexif().get(TAG)
    except (SyntaxError, ValueError, OSError, KeyError, TypeError, IndexError, EOFError):
        value = None
    return as_orientation(value)


def _png_depth(path: Path) -> int:
    with path.open("rb") as file:
        return file.read(25)[24]


def _deep_png(path: Path) -> tuple[UInt8[np.ndarray, "h w 3"], str]:
    """Decode 16 bits per channel, of which Pillow keeps 8."""
    import cv2

    decoded = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
    if decoded is None or decoded.dtype != np.uint16 or decoded.ndim != 3 or decoded.shape[2] not in (3, 4):
        raise ValueError("a PNG of 16 bits per channel that cannot be decoded")
    order = [2, 1, 0, 3][: decoded.shape[2]]  # OpenCV's are blue, green, red
    return upper_bits(decoded[..., order], None, path)
