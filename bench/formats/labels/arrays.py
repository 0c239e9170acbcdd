"""Labels in `.npy` files: only instances, with classes, or as HoVer-Net's patches with the image in front."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Int, UInt8

from bench.errors import DataError
from bench.formats.labels.canonical import canonical_labels, contiguous, whole_numbers
from bench.formats.labels.maps import LabelMaps
from bench.formats.npy import read_npy

_SHAPES = "(h, w), (h, w, 2), (h, w, 4) or (h, w, 5)"
_FIX = (
    "save instance ids, with a class channel behind them if there is one: "
    "np.save(path, np.dstack([instances, types]).astype(np.int32))"
)
_LARGEST_ID = 2**31 - 1


def array_maps(path: Path) -> LabelMaps:
    """Read (h, w) instances, (h, w, 2) with classes, (h, w, 4) RGB + instances or (h, w, 5) with classes.

    Raises:
        DataError: the array is unreadable, a pickle, of floats or of another shape, or `canonical_labels` rejects it.
    """
    array = read_npy(path)
    if array.dtype.kind not in "iu":
        raise DataError(f"The instance ids in {path} are not whole numbers", got=f"dtype {array.dtype}", fix=_FIX)
    channels = array.shape[2] if array.ndim == 3 else None
    if array.ndim not in (2, 3) or channels not in (None, 2, 4, 5) or array.size == 0:
        raise DataError(f"The array in {path} does not have the shape {_SHAPES}", got=f"shape {array.shape}", fix=_FIX)
    if channels is None:
        return _untyped(array, path)
    image = _image(array[..., :3], path) if channels >= 4 else None
    if channels == 4:
        return _untyped(array[..., 3], path, image)
    labels = canonical_labels(array[..., -2], array[..., -1], str(path), unclassed=True)
    return LabelMaps(labels.instances, labels.types, image)


def _untyped(ids: Int[np.ndarray, "h w"], path: Path, image: UInt8[np.ndarray, "h w 3"] | None = None) -> LabelMaps:
    return LabelMaps(contiguous(whole_numbers(ids, f"instance ids in {path}", _LARGEST_ID))[0], None, image)


def _image(pixels: Int[np.ndarray, "h w 3"], path: Path) -> UInt8[np.ndarray, "h w 3"]:
    return whole_numbers(pixels, f"RGB values in the first three channels of {path}", 255).astype(np.uint8)
