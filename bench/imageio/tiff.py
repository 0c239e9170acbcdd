"""TIFF files: which of their pages and samples are the image, and how they are decoded."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import UInt8
from PIL import Image, UnidentifiedImageError

from bench.errors import DataError
from bench.imageio.colour import Stored, to_rgb, upper_bits
from bench.imageio.orientation import TAG, UPRIGHT, as_orientation

if TYPE_CHECKING:
    from tifffile import TiffFile, TiffPage

_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB = 0, 1, 2  # PhotometricInterpretation
_SEPARATE = 2  # PlanarConfiguration
_UNSPECIFIED = 0  # ExtraSamples
_SIDE_PAGE = 0b101
"""Bits of NewSubfileType: a reduced image, or a mask."""
_NEUTRAL = re.compile(r"(channel|ch|c)?[\s:_-]*\d*([:/]\d+)*", re.IGNORECASE)
"""Names of channels that say nothing about them, such as "Channel:0:1" and "c:1/3"."""


def is_tiff(path: Path) -> bool:
    """Return whether a file begins as a TIFF or BigTIFF does, whatever it is called."""
    with path.open("rb") as file:
        return file.read(4) in _MAGIC


def tiff_size(path: Path) -> tuple[int, int, int]:
    """Return the height and width of the first page as stored, and its orientation."""
    with _opened(path) as file:
        page = file.pages.first
        return page.imagelength, page.imagewidth, _orientation(page)


def read_tiff(path: Path) -> Stored:
    """Return the image of a TIFF: its first page, or three pages that the file declares to be channels.

    Raises:
        DataError: the file is a stack, or its samples are not those of an image.
    """
    with _opened(path) as file:
        page = file.pages.first
        _refuse_bomb(page.imagewidth * page.imagelength)
        if page.is_tiled:  # a whole tile is unpacked, and it may be larger than the image
            _refuse_bomb(page.tilewidth * page.tilelength)
        orientation = _orientation(page)
        source = path if orientation == UPRIGHT else _without_orientation(path)
        if page.samplesperpixel == 1 and _planes(file):
            return Stored(*_channels(file, source, path), orientation)
        _refuse_stack(file, path)
        _refuse_samples(page, path)
        if page.dtype == np.uint16 and page.samplesperpixel > 1:
            return Stored(*upper_bits(_deep(page, source), _bits(file), path), orientation)
        return Stored(*_shallow(page, source, path), orientation)


def _opened(path: Path) -> TiffFile:
    import tifffile

    # a file of OME may name others of its series, which are not this image
    return tifffile.TiffFile(path, _multifile=False)


def _orientation(page: TiffPage) -> int:
    tag = page.tags.get(TAG)
    return as_orientation(None if tag is None else int(tag.value))


def _refuse_bomb(n_pixels: int) -> None:
    if Image.MAX_IMAGE_PIXELS is not None and n_pixels > Image.MAX_IMAGE_PIXELS:
        raise Image.DecompressionBombError(f"{n_pixels} pixels, more than {Image.MAX_IMAGE_PIXELS}")


def _planes(file: TiffFile) -> bool:
    """Return whether the first series has more axes than rows and columns."""
    return len(file.series[0].get_axes(squeeze=True)) > 2


def _channels(file: TiffFile, source: Path | io.BytesIO, path: Path) -> tuple[UInt8[np.ndarray, "h w 3"], str]:
    """Return three planes as red, green and blue if the file says that they are channels."""
    series = file.series[0]
    axes, shape = series.get_axes(squeeze=True), series.get_shape(squeeze=True)
    names = [name for name in _names(file) if not _NEUTRAL.fullmatch(name.strip())]
    red_green_blue = not names or [name.strip()[:1].lower() for name in names] == ["r", "g", "b"]
    if axes != "CYX" or shape[0] != 3 or not red_green_blue:
        what = {"C": "channels", "Z": "slices", "T": "frames"}.get(axes[0], "pages")
        got = f"{shape[0]} {what} of one sample (axes {axes})" + (f" named {', '.join(names)}" if names else "")
        raise DataError(
            f"{path} is a stack of grey pages, and nothing says that they are red, green and blue",
            got=got,
            fix="write RGB, such as tifffile.imwrite(path, numpy.moveaxis(planes, 0, -1), photometric='rgb')",
        )
    if series.dtype not in (np.uint8, np.uint16):
        raise _unknown_range(path, series.dtype)
    _refuse_bomb(int(np.prod(shape[1:])))
    try:
        planes = np.asarray(series.asarray()).reshape(shape)
        if int(file.pages.first.photometric) == _WHITE_IS_ZERO:
            planes = np.iinfo(planes.dtype).max - planes
    except ValueError as error:
        if not _lacks_codec(error):
            raise
        planes = _pages_by_pillow(source, shape[0])
    array = np.ascontiguousarray(np.moveaxis(planes, 0, -1))
    if array.dtype == np.uint8:
        return array, "three pages of channels, 8 bits"
    reduced, form = upper_bits(array, _bits(file), path)
    return reduced, form.replace("RGB", "three pages of channels,", 1)


def _names(file: TiffFile) -> list[str]:
    """Return the names of channels, if the file gives any."""
    if file.is_ome:
        return re.findall(r"<(?:\w+:)?Channel\b[^>]*?\bName=\"([^\"]*)\"", file.ome_metadata or "")
    labels = (file.imagej_metadata or {}).get("Labels", []) if file.is_imagej else []
    return [str(label) for label in labels]


def _refuse_stack(file: TiffFile, path: Path) -> None:
    """Refuse further pages that may as well be the image; pages of slides, reduced images and masks are not."""
    first = file.pages.first
    if len(file.pages) == 1 or any((file.is_svs, file.is_ndpi, file.is_scn, file.is_philips, file.is_bif)):
        return
    page: Any
    for number, page in enumerate(file.pages[1:], 2):
        if int(page.subfiletype) & _SIDE_PAGE:
            continue
        size, own = (page.imagelength, page.imagewidth), (first.imagelength, first.imagewidth)
        same = size == own and page.samplesperpixel == first.samplesperpixel
        if same or (size[0] > own[0] and size[1] > own[1]):
            raise DataError(
                f"{path} has several pages, and it is unknown which of them is the image",
                got=f"{len(file.pages)} pages; the first of {own[0]} x {own[1]} px, page {number} of "
                f"{size[0]} x {size[1]} px",
                fix="write each image as a file of its own",
            )


def _refuse_samples(page: TiffPage, path: Path) -> None:
    if page.dtype is None:
        raise ValueError("its first page does not say what its values are")
    n = page.samplesperpixel
    extra = [int(kind) for kind in page.extrasamples]
    if page.dtype.kind not in "ub" or page.dtype.itemsize > 2:
        raise _unknown_range(path, page.dtype)
    if page.dtype == np.uint16 and n < 3:
        raise DataError(
            f"There is no 8-bit image in {path}",
            got="one channel of 16 bits, as label maps have",
            fix="write it as RGB, 8 bits per channel; give label maps as labels",
        )
    deep_other = page.dtype == np.uint16 and int(page.photometric) not in (_BLACK_IS_ZERO, _RGB)
    if n > 4 or (n == 2 and extra == [_UNSPECIFIED]) or deep_other:
        got = f"{n} samples per pixel of {page.bitspersample} bits, {page.photometric!s}"
        raise DataError(f"It is unknown which samples of {path} are its colours", got=got, fix="write three: RGB")


def _unknown_range(path: Path, dtype: object) -> DataError:
    return DataError(
        f"There is no 8-bit image in {path}",
        got=f"values of type {dtype}, whose range is unknown",
        fix="scale them to 0..255 and write RGB, 8 bits per channel",
    )


def _without_orientation(path: Path) -> io.BytesIO:
    """Return a copy in which every page is upright: Pillow and OpenCV turn some images themselves, others not."""
    import tifffile

    copy = io.BytesIO(path.read_bytes())
    with tifffile.TiffFile(copy, mode="r+", _multifile=False) as file:
        page: Any  # a frame shares the tags of its page
        for page in file.pages:
            if TAG in page.tags:
                page.tags[TAG].overwrite(UPRIGHT)
    copy.seek(0)
    return copy


def _shallow(page: TiffPage, source: Path | io.BytesIO, path: Path) -> tuple[UInt8[np.ndarray, "h w 3"], str]:
    """Decode a page of up to 8 bits per sample."""
    try:
        with Image.open(source) as image:
            image.load()
            array, form = to_rgb(image, path)
    except UnidentifiedImageError:
        # three samples that are declared as grey: the first with two more
        if page.samplesperpixel != 3 or page.bitspersample != 8:
            raise
        return _last(page, page.asarray()), "three samples without a colour space"
    undeclared = page.samplesperpixel == 4 and [int(kind) for kind in page.extrasamples] == [_UNSPECIFIED]
    return array, form + (", undeclared fourth sample dropped" if undeclared else "")


def _deep(page: TiffPage, source: Path | io.BytesIO) -> np.ndarray:
    """Decode a page of 16 bits per sample, of which Pillow keeps 8."""
    try:
        return _last(page, page.asarray())
    except ValueError as error:
        if not _lacks_codec(error):
            raise
    import cv2

    data = source.read_bytes() if isinstance(source, Path) else source.getvalue()
    decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if decoded is None or decoded.dtype != np.uint16 or decoded.ndim != 3:
        raise ValueError("a TIFF of 16 bits per sample that cannot be decoded")
    return np.ascontiguousarray(decoded[..., [2, 1, 0, 3][: decoded.shape[2]]])


def _lacks_codec(error: ValueError) -> bool:
    """Return whether tifffile needs the package imagecodecs, without which Pillow and OpenCV decode the file."""
    return "imagecodecs" in str(error)


def _pages_by_pillow(source: Path | io.BytesIO, n: int) -> np.ndarray:
    """Decode the first pages; Pillow inverts those in which white is zero."""
    planes = []
    with Image.open(source) as image:
        for number in range(n):
            image.seek(number)
            planes.append(np.array(image))
    return np.stack(planes)


def _last(page: TiffPage, values: np.ndarray) -> np.ndarray:
    """Return samples as the last axis."""
    planar = int(page.planarconfig) == _SEPARATE
    return np.ascontiguousarray(np.moveaxis(values, 0, -1) if planar else values)


def _bits(file: TiffFile) -> int | None:
    """Return the number of bits that OME says are used."""
    found = re.search(r"\bSignificantBits=\"(\d+)\"", (file.ome_metadata or "") if file.is_ome else "")
    bits = int(found[1]) if found else 16
    stored = int(file.pages.first.bitspersample)
    return bits if 8 < bits < 16 else stored if 8 < stored < 16 else None
