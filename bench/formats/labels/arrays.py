"""The meaning of arrays: instances with or without classes, as channels or as two maps, and with the image in front."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Num, UInt8

from bench.errors import DataError
from bench.formats.labels.canonical import canonical_labels, contiguous, whole_numbers
from bench.formats.labels.ids import check_size, instance_ids
from bench.formats.labels.maps import LabelMaps
from bench.formats.npy import npy_shape, read_npy

_SHAPES = "(h, w), (h, w, 1), (h, w, 2), (h, w, 4) or (h, w, 5)"
_FIX = (
    "save instance ids, with a class channel behind them if there is one: "
    "np.save(path, np.dstack([instances, types]).astype(np.int32))"
)
_PICTURE = "give the file of instance ids; colours cannot be turned back into ids"


def npy_maps(path: Path) -> LabelMaps:
    """Read the array of a `.npy` file as `maps_of_channels` does.

    Raises:
        DataError: the file is unreadable, a pickle or too large, or `maps_of_channels` rejects it.
    """
    check_size(npy_shape(path), f"array in {path}")
    return maps_of_channels(read_npy(path), path)


def maps_of_channels(array: np.ndarray[Any, np.dtype[Any]], path: Path) -> LabelMaps:
    """Return (h, w) instances, (h, w, 2) with classes, (h, w, 4) RGB + instances or (h, w, 5) with classes.

    Raises:
        DataError: the array is a picture or has another shape, or `instance_ids` or `canonical_labels` rejects it.
    """
    channels = array.shape[2] if array.ndim == 3 else None
    if array.dtype.kind in "biuf" and array.size and channels in (3, 4):
        _refuse_picture(array, path)
    if array.ndim not in (2, 3) or channels not in (None, 1, 2, 4, 5) or array.size == 0:
        raise DataError(f"The array in {path} does not have the shape {_SHAPES}", got=f"shape {array.shape}", fix=_FIX)
    if channels in (None, 1):
        return maps_of(array if channels is None else array[..., 0], None, path)
    image = None if channels == 2 else _image(array[..., :3], path)
    if channels == 4:
        return maps_of(array[..., 3], None, path, image)
    return maps_of(array[..., -2], array[..., -1], path, image)


def maps_of(
    ids: Num[np.ndarray, "h w"],
    types: Num[np.ndarray, "h w"] | None,
    path: Path,
    image: UInt8[np.ndarray, "h w 3"] | None = None,
) -> LabelMaps:
    """Return the labels of an instance map and, if there is one, a class map of any ids.

    Raises:
        DataError: `instance_ids` or `canonical_labels` rejects them, or a map is not (h, w).
    """
    if types is not None:
        labels = canonical_labels(ids, types, str(path), unclassed=True)
        return LabelMaps(labels.instances, labels.types, image)
    if ids.ndim != 2:
        raise DataError(f"The instance map in {path} is not (h, w)", got=f"shape {ids.shape}", fix=_FIX)
    return LabelMaps(contiguous(instance_ids(ids, str(path)))[0], None, image)


def _refuse_picture(array: Num[np.ndarray, "h w c"], path: Path) -> None:
    """Raise an error if an array of 3 or 4 channels is a picture."""
    grey = (
        array.shape[2] == 3
        and np.array_equal(array[..., 0], array[..., 1])
        and np.array_equal(array[..., 0], array[..., 2])
    )
    if grey:
        got = f"three equal channels, shape {array.shape}"
        raise DataError(
            f"{path} holds its ids three times", got=got, fix="save one channel: np.save(path, ids[..., 0])"
        )
    if array.shape[2] == 3 and array.dtype.kind != "b":
        got = f"three different channels, shape {array.shape}, {array.dtype}"
        raise DataError(f"{path} does not hold instance ids but a picture", got=got, fix=_PICTURE)
    alpha = array[..., -1]
    if array.shape[2] == 4 and np.isin(alpha, (0, 255)).all() and alpha.any():
        got = f"RGBA: the fourth channel is 255{'' if (alpha == 255).all() else ' or 0'}, shape {array.shape}"
        raise DataError(f"{path} does not hold instance ids but a picture", got=got, fix=_PICTURE)


def _image(pixels: Num[np.ndarray, "h w 3"], path: Path) -> UInt8[np.ndarray, "h w 3"]:
    return whole_numbers(pixels, f"RGB values in the first three channels of {path}", 255).astype(np.uint8)
