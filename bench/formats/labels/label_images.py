"""Instance ids in image files: PNG, and TIFF of any type and byte order, with one plane and without colours."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from bench.errors import DataError
from bench.formats.labels.ids import check_size

if TYPE_CHECKING:
    import tifffile

SUFFIXES = (".png", ".tif", ".tiff")

_FIX = "write one id per pixel, 0 for background, in one channel: a PNG or TIFF of 16 bits"
_PLANE = "save the plane of the ids as a file of its own: tifffile.imwrite(path, ids)"
_GREY = ("1", "L", "I", "I;16", "I;16B", "F", "P")  # Pillow's modes of one channel; of P, the indices are the ids
# of TIFF: JPEG in its variants, JPEG 2000, WebP and JPEG XL may change values
_LOSSY = {6, 7, 33003, 33005, 34712, 34892, 34927, 34933, 50001, 50002, 52546}
_WHITE_IS_ZERO, _RGB = 0, 2


def read_label_image(path: Path) -> np.ndarray[Any, np.dtype[Any]]:
    """Return the one channel of an image file as stored; a palette only colours ids, which are its indices.

    Raises:
        DataError: the file is not readable; has colours, several channels or planes; is compressed with losses, is
            stored white-is-zero, or says that it is to be turned.
    """
    try:
        array = _png(path) if path.suffix.lower() == ".png" else _tiff(path)
    except FileNotFoundError as error:
        raise DataError(f"There is no instance map at {path}", got="no such file") from error
    except DataError:
        raise
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        fix = "cut it into tiles, as its image"
        raise DataError(f"The instance map {path} is too large", got=str(error), fix=fix) from error
    except Exception as error:  # broken bytes make the parsers raise any kind of error
        got = " ".join(str(error).split())[:300]
        raise DataError(f"There is no readable instance map in {path}", got=got, fix="write it again") from error
    if array.ndim != 2:
        raise _colours(array, path)
    return array


def _png(path: Path) -> np.ndarray[Any, np.dtype[Any]]:
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        with Image.open(path) as image:
            if image.format != "PNG":
                got, fix = f"a file of format {image.format}", "rename it by its format, or save it as PNG"
                raise DataError(f"The instance map {path} is not a PNG file", got=got, fix=fix)
            if image.getexif().get(274, 1) != 1:
                raise _turned(path)
            frames = getattr(image, "n_frames", 1)
            if frames != 1:
                raise DataError(f"The instance map {path} is an animation", got=f"{frames} frames", fix=_PLANE)
            return np.asarray(image)


def _tiff(path: Path) -> np.ndarray[Any, np.dtype[Any]]:
    import tifffile

    with tifffile.TiffFile(path) as file:
        _check_planes(file, path)
        page = file.pages.first
        check_size(page.shape, f"instance map {path}")
        if page.is_tiled:  # a whole tile is unpacked, and it may be larger than the map
            check_size((page.tilelength, page.tilewidth), f"instance map {path}")
        if int(page.compression) in _LOSSY:
            got = f"compression {tifffile.COMPRESSION(page.compression).name}"
            fix = "write it again from the ids, without compression or with deflate: JPEG changes the values"
            raise DataError(f"The instance map {path} is compressed with losses", got=got, fix=fix)
        if int(page.photometric) == _WHITE_IS_ZERO:
            fix = "write it again as black-is-zero (tifffile.imwrite does); programs differ in reading this"
            raise DataError(f"The instance map {path} is stored white-is-zero", got="photometric 0", fix=fix)
        orientation = page.tags.get("Orientation")
        if orientation is not None and orientation.value != 1:
            raise _turned(path)
        try:
            array = np.asarray(page.asarray())
        except ValueError as error:  # tifffile reports a missing codec in this way
            if "imagecodecs" not in str(error):
                raise
            with Image.open(path) as image:
                if image.mode not in _GREY or page.dtype == np.uint32:  # which Pillow reads as signed
                    raise
                array = np.asarray(image)
    return array.astype(bool) if page.bitspersample == 1 else array


def _check_planes(file: tifffile.TiffFile, path: Path) -> None:
    """Raise an error if a TIFF holds more than one plane; smaller copies of it (a pyramid) do not count."""
    if not file.series:
        raise ValueError("a TIFF file without an image")
    if len(file.series) != 1:
        raise DataError(f"The instance map {path} is not one image", got=f"{len(file.series)} images", fix=_PLANE)
    series = file.series[0]
    names = {"C": "channels", "Z": "planes", "T": "time points", "S": "samples per pixel"}
    more = [
        f"{n} {names.get(axis, f'pages along {axis}')}"
        for axis, n in zip(series.axes, series.shape, strict=True)
        if axis not in "YX" and n > 1
    ]
    if more and "samples per pixel" not in more[0]:
        got = f"{', '.join(more)} ({len(file.pages)} pages)"
        raise DataError(f"The instance map {path} is not a single-channel image", got=got, fix=_PLANE)


def _colours(array: np.ndarray[Any, np.dtype[Any]], path: Path) -> DataError:
    """Return the error of an image with several channels, with advice on those that it has."""
    message = f"The instance map {path} is not a single-channel image"
    got = f"{array.dtype} {array.shape}"
    if array.ndim != 3:
        return DataError(message, got=got, fix=_FIX)
    first, others = array[..., 0], array.shape[-1]
    if others in (2, 4):
        got += ", with transparency"
    if others in (3, 4) and all(np.array_equal(first, array[..., index]) for index in (1, 2)):
        return DataError(message, got=f"{got}: three equal channels", fix="save one of them: ids[..., 0]")
    if others == 2:
        return DataError(message, got=got, fix="save the first channel without transparency: ids[..., 0]")
    return DataError(message, got=f"{got}: colours", fix=f"colours cannot be turned back into ids; {_FIX}")


def _turned(path: Path) -> DataError:
    return DataError(
        f"The instance map {path} says that it is to be turned or mirrored",
        got="an orientation other than 1",
        fix="write it again as it is to be seen, without this tag",
    )
