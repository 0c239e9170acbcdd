"""The door through which every image comes in: a file becomes upright RGB of 8 bits, or is refused in words."""

from __future__ import annotations

import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt8
from PIL import Image, UnidentifiedImageError

from bench.errors import DataError
from bench.imageio.orientation import UPRIGHT, swaps_axes, upright
from bench.imageio.single import read_single, single_size
from bench.imageio.tiff import is_tiff, read_tiff, tiff_size

_BROKEN = (
    UnidentifiedImageError,
    OSError,
    SyntaxError,
    ValueError,
    KeyError,
    IndexError,
    TypeError,
    EOFError,
    MemoryError,
    RuntimeError,
    struct.error,
    zlib.error,
)
"""What Pillow and tifffile raise for files that are damaged, or that do not hold an image."""


class Picture(NamedTuple):
    """A decoded image.

    `rule` says what was stored and what was done to it, such as "palette" or "RGB of 8 bits, opaque alpha dropped".
    `orientation` is the value of the file's orientation tag, which was applied; 1 if nothing had to be turned.
    """

    rgb: UInt8[np.ndarray, "h w 3"]
    rule: str
    orientation: int


def read_rgb(path: Path) -> UInt8[np.ndarray, "h w 3"]:
    """Return an image file as RGB, turned as its orientation tag says; see :func:`read_picture`.

    Raises:
        DataError: the file is missing, damaged, not one image, or would have to be guessed at.
    """
    return read_picture(path).rgb


def read_picture(path: Path) -> Picture:
    """Return an image file as RGB, with the rule by which it was read.

    Raises:
        DataError: the file is missing, truncated, not an image, empty, larger than Pillow's limit for decompression
            bombs, an animation or a stack of pages, of one transparent colour, or has values whose range is unknown.
    """
    with reading(path):
        stored = read_tiff(path) if is_tiff(path) else read_single(path)
        if stored.array.size == 0:
            raise DataError(f"The image {path} has no pixels", got=f"shape {stored.array.shape}")
    turned = ", turned by its orientation tag" if stored.orientation != UPRIGHT else ""
    return Picture(upright(stored.array, stored.orientation), stored.form + turned, stored.orientation)


def read_labelled_rgb(path: Path, shape: tuple[int, ...] | None) -> UInt8[np.ndarray, "h w 3"]:
    """Return an image whose labels, of height and width `shape`, are in another file.

    Raises:
        DataError: as :func:`read_picture` and :func:`require_same_view`.
    """
    picture = read_picture(path)
    require_same_view(picture, shape, path)
    return picture.rgb


def require_same_view(picture: Picture, shape: tuple[int, ...] | None, path: Path) -> None:
    """Raise an error if labels may show another view of an image than its pixels do.

    An image with an orientation tag is turned, but programs that ignore the tag draw labels on the image as it is
    stored. Only labels that have the size of the turned image, and not that of the stored one, are known to fit.

    Args:
        picture: the image.
        shape: height and width of its labels; None for outlines, which have no size.
        path: its file, for errors.

    Raises:
        DataError: the image was turned, and its labels may be for the image as it is stored.
    """
    height, width = picture.rgb.shape[:2]
    known = swaps_axes(picture.orientation) and height != width and shape is not None and shape[:2] == (height, width)
    if picture.orientation == UPRIGHT or known:
        return
    got = f"orientation {picture.orientation}, {height} x {width} px after turning"
    got += "" if shape is None else f", labels of {shape[0]} x {shape[1]}"
    raise DataError(
        f"The labels of {path} may be drawn on the image before it is turned by its orientation tag",
        got=got,
        fix="write the image again as the labels show it, without the tag (a PNG has none)",
    )


def image_size(path: Path) -> tuple[int, int]:
    """Return the height and width that :func:`read_rgb` gives an image file; only its header is read.

    Raises:
        DataError: the file is missing or not an image.
    """
    with reading(path), warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        height, width, orientation = tiff_size(path) if is_tiff(path) else single_size(path)
    return (width, height) if swaps_axes(orientation) else (height, width)


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn what libraries raise into errors that name the file."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            warnings.filterwarnings("ignore", category=UserWarning, module="PIL")  # damaged metadata
            yield
    except DataError:
        raise
    except FileNotFoundError as error:
        raise DataError(f"There is no image at {path}", got="no such file") from error
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        fix = "cut it into tiles; slides are not read whole"
        raise DataError(f"The image {path} is too large", got=str(error), fix=fix) from error
    except _BROKEN as error:
        got = str(error) or type(error).__name__
        raise DataError(f"There is no readable image in {path}", got=got, fix="download or write it again") from error
