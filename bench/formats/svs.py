"""The first page of a small Aperio slide (`.svs`), which is a TIFF, as RGB."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from bench.errors import DataError, MissingError
from bench.imageio import read_rgb


def read_svs(path: Path) -> UInt8[np.ndarray, "h w 3"]:
    """Read the full-resolution image of a slide small enough for memory.

    Pillow reads it unless it is compressed as JPEG 2000; then tifffile does, with the package `imagecodecs`.

    Raises:
        DataError: the file is not a readable image, not 8-bit RGB, or larger than Pillow's limit.
        MissingError: only `imagecodecs`, which is not installed, can decompress it.
    """
    try:
        return read_rgb(path)
    except DataError as error:
        return _by_tifffile(path, error)


def _by_tifffile(path: Path, error: DataError) -> UInt8[np.ndarray, "h w 3"]:
    import tifffile
    from PIL import Image

    try:
        with tifffile.TiffFile(path) as slide:
            page = slide.pages.first
            limit = Image.MAX_IMAGE_PIXELS or 0
            largest = max(page.imagewidth * page.imagelength, page.tilewidth * page.tilelength)
            if page.dtype != np.uint8 or page.ndim != 3 or largest > limit:
                raise error
            array = np.asarray(page.asarray())
    except ValueError as reason:  # tifffile reports a missing codec in this way
        if "imagecodecs" not in str(reason):
            raise error from reason
        fix = "pip install imagecodecs, or save the first page as a .tif next to it"
        raise MissingError(
            f"The package that decompresses {path} is not installed", got=str(reason), fix=fix
        ) from reason
    except (tifffile.TiffFileError, OSError, MemoryError, KeyError, IndexError, TypeError) as reason:
        raise error from reason
    if array.ndim != 3 or array.shape[2] not in (3, 4):
        raise error
    return np.ascontiguousarray(array[..., :3])
