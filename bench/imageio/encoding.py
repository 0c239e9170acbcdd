"""How an image file is encoded, from its header: format, JPEG quality and the micrometres per pixel that it states."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from bench.imageio.picture import reading
from bench.imageio.tiff import is_tiff
from bench.imageio.traces import quality_table

_COARSEST = 20.0
"""Larger sizes of a pixel are those of prints and screens, such as 72, 96, 300 and 600 dots per inch."""
_PER_UNIT = {"m": 1e6, "cm": 1e4, "mm": 1e3, "µm": 1.0, "um": 1.0, "micron": 1.0, "microns": 1.0, "nm": 1e-3}
_ZIGZAG = sorted(((y, x) for y in range(8) for x in range(8)), key=lambda p: (sum(p), p[0] if sum(p) % 2 else p[1]))


class Encoding(NamedTuple):
    """The format of a file, its JPEG quality (None without tables), and the µm per pixel it states (None if none)."""

    format: str
    quality: int | None
    mpp: float | None


def read_encoding(path: Path) -> Encoding:
    """Return how an image file is encoded; only its header is read.

    Raises:
        DataError: the file is missing or not an image.
    """
    with reading(path):
        if is_tiff(path):
            return _tiff(path)
        with Image.open(path) as image:
            tables = image.quantization if isinstance(image, JpegImageFile) else None
            quality = None if not tables else table_quality(tables[min(tables)])
            return Encoding(str(image.format), quality, _plausible(_mpp_of_dpi(image.info.get("dpi"))))


def table_quality(steps: list[int]) -> int:
    """Return the quality whose table of luminance is nearest to that of a JPEG, given in rows."""
    given = np.reshape(steps, (8, 8))
    return min(range(1, 101), key=lambda quality: int(np.abs(quality_table(quality) - given).sum()))


def _tiff(path: Path) -> Encoding:
    import tifffile

    with tifffile.TiffFile(path, _multifile=False) as file:
        page = file.pages.first
        tables = page.jpegtables
        quality = None if tables is None else _quality_of_stream(tables)
        name = "TIFF" if int(page.compression) == 1 else f"TIFF ({tifffile.COMPRESSION(page.compression).name})"
        return Encoding(name, quality, _plausible(_mpp_of_tiff(file)))


def _quality_of_stream(stream: bytes) -> int | None:
    """Return the quality of the first table of 8-bit steps in a stream of JPEG markers."""
    start = stream.find(b"\xff\xdb")
    values = stream[start + 5 : start + 69]
    if start < 0 or len(values) != 64 or stream[start + 4] >> 4:
        return None
    steps = np.zeros((8, 8), int)
    for place, value in zip(_ZIGZAG, values, strict=True):
        steps[place] = value
    return table_quality(steps.ravel().tolist())


def _mpp_of_tiff(file: Any) -> float | None:
    """Return what OME, Aperio, ImageJ or the resolution tags say, in this order."""
    page = file.pages.first
    text = page.description or ""
    if file.is_ome:
        size = re.search(r"\bPhysicalSizeX=\"([\d.eE+-]+)\"", text)
        unit = re.search(r"\bPhysicalSizeXUnit=\"([^\"]+)\"", text)
        return _scaled(size and size[1], unit[1] if unit else "µm")
    if file.is_svs:
        found = re.search(r"\bMPP\s*=\s*([\d.]+)", text)
        return _scaled(found and found[1], "µm")
    tag, unit_tag = page.tags.get(282), page.tags.get(296)
    if tag is None or not isinstance(tag.value, tuple) or 0 in tag.value:
        return None
    side = tag.value[1] / tag.value[0]  # units per pixel
    if file.is_imagej:
        named = str((file.imagej_metadata or {}).get("unit", "")).replace("\\u00B5", "µ")
        return side * _PER_UNIT[named] if named in _PER_UNIT else None
    inches = {2: 25_400.0, 3: 10_000.0}
    return side * inches[int(unit_tag.value)] if unit_tag is not None and int(unit_tag.value) in inches else None


def _scaled(number: str | None, unit: str) -> float | None:
    try:
        return None if number is None else float(number) * _PER_UNIT[unit]
    except (ValueError, KeyError):
        return None


def _mpp_of_dpi(dpi: Any) -> float | None:
    try:
        return 25_400 / float(dpi[0])
    except (TypeError, ValueError, ZeroDivisionError, IndexError):
        return None


def _plausible(mpp: float | None) -> float | None:
    return mpp if mpp is not None and 0 < mpp < _COARSEST else None
