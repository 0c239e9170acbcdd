"""Colours of decoded images: what Pillow's modes, transparency and deep channels become in RGB of 8 bits."""

from __future__ import annotations

import io
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt8, UInt16
from PIL import Image, ImageCms

from bench.errors import DataError

FORMS = {
    "1": "black and white",
    "L": "grey of 8 bits",
    "LA": "grey of 8 bits",
    "P": "palette",
    "PA": "palette",
    "RGB": "RGB of 8 bits",
    "RGBA": "RGB of 8 bits",
    "RGBX": "RGB of 8 bits",
    "CMYK": "CMYK",
    "YCbCr": "YCbCr",
}
"""Pillow's modes of images that become RGB without loss of meaning, and what they are called."""
_DARK = 1 << 14
"""16-bit images without a value from here on come from cameras of 10, 12 or 14 bits, and would be nearly black."""


class Stored(NamedTuple):
    """An image in RGB as it is in its file, what was done to its colours, and its orientation tag."""

    array: UInt8[np.ndarray, "h w 3"]
    form: str
    orientation: int


def to_rgb(image: Image.Image, path: Path) -> tuple[UInt8[np.ndarray, "h w 3"], str]:
    """Return a loaded image of Pillow as RGB, and the name of the rule.

    Raises:
        DataError: its mode is not one of `FORMS`, there is nothing to see in it, or its colour profile cannot be used.
    """
    if image.mode not in FORMS:
        raise DataError(
            f"There is no 8-bit image in {path}",
            got=f"mode {image.mode}",
            fix="write it as RGB, 8 bits per channel; give label maps as labels",
        )
    form = FORMS[image.mode]
    if image.mode == "CMYK" and image.info.get("icc_profile"):
        return _by_profile(image, path), f"{form}, converted by its colour profile"
    if image.mode in ("LA", "PA", "RGBA") or "transparency" in image.info:
        array, how = on_white(np.asarray(image.convert("RGBA")), path)
        return array, form + how
    return np.array(image.convert("RGB")), form


def on_white(rgba: UInt8[np.ndarray, "h w 4"], path: Path) -> tuple[UInt8[np.ndarray, "h w 3"], str]:
    """Return RGB without alpha, and what was done: alpha of one value is dropped, transparent parts become white.

    White is the empty glass of a bright-field slide; readers of slides leave transparent what was not scanned. Alpha
    that is the same everywhere marks no part, and mixing with white would blank images whose alpha was never filled.

    Raises:
        DataError: all pixels are transparent and of one colour.
    """
    colours, alpha = np.ascontiguousarray(rgba[..., :3]), rgba[..., 3]
    least, most = int(alpha.min(initial=255)), int(alpha.max(initial=0))
    if least == 255:
        return colours, ", opaque alpha dropped"
    if most == 0 and (colours == colours[0, 0]).all():
        raise DataError(
            f"There is nothing to see in {path}",
            got="one colour, transparent everywhere",
            fix="leave it out, or write it without the alpha channel",
        )
    if least == most:
        return colours, f", alpha of {least} everywhere dropped"
    share = alpha[..., None].astype(np.uint32)
    mixed = (colours * share + 255 * (255 - share) + 127) // 255
    return mixed.astype(np.uint8), ", transparent parts on white"


def upper_bits(
    values: UInt16[np.ndarray, "h w c"], bits: int | None, path: Path
) -> tuple[UInt8[np.ndarray, "h w 3"], str]:
    """Return deep channels (RGB, or RGB and alpha) reduced to their upper 8 bits, and what was done.

    Args:
        values: the channels.
        bits: the number of bits that the file says are used; None if it does not say it, which means all 16.
        path: the file, for errors.

    Raises:
        DataError: values are above what the file says, or so small that fewer bits must be meant.
    """
    high = int(values[..., :3].max(initial=0))
    if 0 < high < _DARK if bits is None else high >= 1 << bits:
        said = "16 bits per channel" if bits is None else f"{bits} bits per channel"
        raise DataError(
            f"The range of the values in {path} is unknown",
            got=f"{said}, but no value above {high}" if bits is None else f"{said}, but the value {high}",
            fix="scale them to 0..255 and write 8 bits per channel; 12 bits of 16, for example, divided by 16",
        )
    used = 16 if bits is None else bits
    form = f"RGB of {used} bits, upper 8 kept"
    reduced = (values >> (used - 8)).astype(np.uint8)
    if values.shape[2] == 3:
        return reduced, form
    array, how = on_white(np.dstack([reduced[..., :3], (values[..., 3] >> 8).astype(np.uint8)]), path)
    return array, form + how


def _by_profile(image: Image.Image, path: Path) -> UInt8[np.ndarray, "h w 3"]:
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(image.info["icc_profile"]))
        intent = ImageCms.Intent.RELATIVE_COLORIMETRIC
        srgb = ImageCms.createProfile("sRGB")
        converted = ImageCms.profileToProfile(image, profile, srgb, renderingIntent=intent, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError) as error:
        raise DataError(
            f"The colour profile of the CMYK image {path} cannot be used",
            got=str(error),
            fix="write it as RGB, 8 bits per channel",
        ) from error
    assert converted is not None, "only a conversion in place returns nothing"
    return np.array(converted)
