"""Writing of images, and reading and writing of instance maps; nothing is guessed."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
from jaxtyping import Int32
from PIL import Image

from bench.atomic import replacing
from bench.errors import DataError


def write_png(path: Path, array: np.ndarray) -> None:
    """Write uint8 RGB (h, w, 3) or uint16 (h, w) as PNG, under a temporary name that is then renamed."""
    is_rgb = array.dtype == np.uint8 and array.ndim == 3 and array.shape[2] == 3
    is_map = array.dtype == np.uint16 and array.ndim == 2
    if not (is_rgb or is_map):
        wanted = f"Only uint8 (h, w, 3) or uint16 (h, w) can be written to {path}"
        raise DataError(wanted, got=f"{array.dtype} {array.shape}")
    image = Image.fromarray(array)
    with replacing(path, sole=True) as temporary:  # in a folder that one process fills
        image.save(temporary, format="PNG", compress_level=1)


def write_instances(path: Path, instances: Int32[np.ndarray, "h w"]) -> None:
    """Write an instance map as 16-bit PNG.

    Raises:
        DataError: an id is negative or above 65535.
    """
    low, high = (int(instances.min()), int(instances.max())) if instances.size else (0, 0)
    if low < 0 or high > 65535:
        raise DataError(f"Cannot write instance ids outside 0..65535 to {path}", got=f"{low}..{high}")
    write_png(path, instances.astype(np.uint16))


def read_instances(path: Path) -> Int32[np.ndarray, "h w"]:
    """Return the instance ids in a 16-bit PNG, or in any single-channel image of integers.

    Raises:
        DataError: the file is not a readable image of one page and one channel of integers, has an id outside
            0..2^31 - 1, or is a mask of 0 and 255 in 8 bits, which contains a foreground and no instances.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                pages = getattr(image, "n_frames", 1)
                array = np.asarray(image)
    except FileNotFoundError as error:
        raise DataError(f"There is no instance map at {path}", got="no such file") from error
    except (OSError, SyntaxError, ValueError) as error:
        raise DataError(f"There is no readable instance map in {path}", got=str(error)) from error
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        fix = "cut it into tiles, as its image"
        raise DataError(f"The instance map {path} is too large", got=str(error), fix=fix) from error
    if array.ndim != 2 or not np.issubdtype(array.dtype, np.integer) or pages != 1:
        got = f"{array.dtype} {array.shape}" + (f", {pages} pages" if pages != 1 else "")
        fix = "write one id per pixel, 0 for background, as a 16-bit PNG"
        raise DataError(f"The instance map {path} is not a single-channel integer image", got=got, fix=fix)
    low, high = int(array.min(initial=0)), int(array.max(initial=0))
    if low < 0 or high > 2**31 - 1:
        raise DataError(f"{path} contains instance ids outside 0..2^31 - 1", got=f"{low}..{high}")
    if array.dtype == np.uint8 and high == 255 and not np.any((array > 0) & (array < 255)):
        raise DataError(
            f"The image {path} does not contain instance ids",
            got="only 0 and 255: a mask of the foreground",
            fix="label its parts (skimage.measure.label) and write a 16-bit PNG",
        )
    return array.astype(np.int32)
