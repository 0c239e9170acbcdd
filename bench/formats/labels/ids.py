"""Instance ids of any array: its values are whole numbers from 0, and not those of a mask."""

from __future__ import annotations

import numpy as np
from jaxtyping import Int32, Num

from bench.errors import DataError

LARGEST_ID = 2**31 - 1
MOST_PIXELS = 2**27
"""Larger maps are refused before they are read: a small file may claim any size. Pillow's limit is of this order."""

# whole numbers are exact up to here
_EXACT = {"float16": 2**11, "float32": 2**24}
_LABEL = "label its parts (skimage.measure.label), separate those of nuclei that touch, and save 16 bits or more"


def instance_ids(array: Num[np.ndarray, "*shape"], where: str) -> Int32[np.ndarray, "*shape"]:
    """Return instance ids as int32; they keep their values.

    Whole numbers are accepted in any type and byte order, also in a type of floats that holds them exactly, and a
    logical array with one connected part.

    Raises:
        DataError: a value is fractional, not finite, negative or above 2^31 - 1, or the values are those of a mask.
    """
    what = f"instance ids in {where}"
    if array.dtype.kind not in "biuf":
        raise DataError(f"The {what} are not numbers", got=f"dtype {array.dtype}")
    if array.size == 0:
        raise DataError(f"There are no {what}", got=f"an empty array {array.shape}")
    if array.dtype.kind == "b":
        return _logical(array, where)
    if array.dtype.kind == "f" and np.isfinite(array).all():
        _check_whole(array, where)
    low, high = array.min().item(), array.max().item()
    if not (low >= 0 and high <= LARGEST_ID):  # also false for NaN
        raise _outside(array, where)
    if _is_mask(array):
        got = f"only {int(low)} and {int(high)}" if low < high else f"only {int(high)}"
        raise DataError(f"The {what} are a mask of the foreground", got=got, fix=_LABEL)
    return array.astype(np.int32)


def check_size(shape: tuple[int, ...], what: str) -> None:
    """Raise an error if an array is too large to be a map; called with the shape that a file claims.

    Raises:
        DataError: it has more than `MOST_PIXELS` values.
    """
    n = 1
    for length in shape:
        n *= int(length)
    if n > MOST_PIXELS:
        got = f"shape {tuple(int(length) for length in shape)}; at most {MOST_PIXELS:,} values are read"
        raise DataError(f"The {what} is too large", got=got, fix="cut it into tiles, as its image")


def _is_mask(array: Num[np.ndarray, "*shape"]) -> bool:
    """Return whether the only value next to 0 is 255 in 8 bits, or 65535 in 16: white, not an id."""
    if array.dtype not in (np.uint8, np.uint16):
        return False
    white = np.iinfo(array.dtype).max
    return bool(array.max() == white) and not np.any((array > 0) & (array < white))


def _logical(array: Num[np.ndarray, "*shape"], where: str) -> Int32[np.ndarray, "*shape"]:
    from scipy.ndimage import label

    count = label(array, np.ones((3,) * array.ndim))[1]
    if count > 1:
        got = f"logical values with {count} separate parts"
        raise DataError(f"The instance ids in {where} are a mask of the foreground", got=got, fix=_LABEL)
    return array.astype(np.int32)


def _outside(array: Num[np.ndarray, "*shape"], where: str) -> DataError:
    """Return the error of values outside 0..2^31 - 1, which are mostly marks of background or of boundaries."""
    message = f"The instance ids in {where} are not in 0..{LARGEST_ID}"
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        n = array.size - int(np.isfinite(array).sum())
        fix = "write 0 where no nucleus is: np.nan_to_num(ids, nan=0, posinf=0, neginf=0)"
        return DataError(message, got=f"{n} values are NaN or infinite", fix=fix)
    low, high = array.min(), array.max()
    marks = array == -1 if low == -1 else array == high
    if low == -1 and np.any(array == 0):
        got = f"-1 in {np.count_nonzero(marks)} pixels next to 0: boundaries, or pixels without an annotation"
        return DataError(message, got=got, fix="write 0 there: ids[ids == -1] = 0; if 0 is a nucleus, ids += 1")
    if low == -1:
        got = f"-1 as background ({marks.mean():.0%} of the pixels); 0 is absent"
        return DataError(message, got=got, fix="write 0 there: ids[ids == -1] = 0")
    if array.dtype.kind == "u" and high == np.iinfo(array.dtype).max:
        got = f"{high}, which is -1 in {8 * array.dtype.itemsize} bits without a sign"
        return DataError(message, got=got, fix=f"write 0 there: ids[ids == {high}] = 0")
    fix = "number the nuclei from 1: skimage.segmentation.relabel_sequential(ids), for ids that are not negative"
    return DataError(message, got=f"{low}..{high}", fix=fix)


def _check_whole(array: Num[np.ndarray, "*shape"], where: str) -> None:
    fractional = array != np.trunc(array)
    if fractional.any():
        odd, n = array[fractional].flat[0], int(fractional.sum())
        got = f"{odd}; {n} pixels are fractional"
        if array.min() >= 0 and array.max() <= 1:
            fix = f"they look like probabilities: choose a threshold, and {_LABEL}"
        else:
            fix = "resize ids with nearest neighbours (order=0, cv2.INTER_NEAREST), which invents no values"
        raise DataError(f"The instance ids in {where} are not whole numbers", got=got, fix=fix)
    largest = _EXACT.get(array.dtype.name)
    if largest is not None and array.max() > largest:
        got = f"{array.max():.0f}; {array.dtype.name} holds whole numbers exactly up to {largest}"
        raise DataError(f"The instance ids in {where} may be rounded", got=got, fix="save them as integers of 32 bits")
