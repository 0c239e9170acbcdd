"""Patches in one `.npy` file: each is read by itself, the file is never loaded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Num, UInt8

from bench.errors import DataError
from bench.formats.labels.canonical import whole_numbers


@dataclass(frozen=True)
class PatchArray:
    """Where a `.npy` file keeps its items along the first axis; holds no open file and is safe among threads.

    Items are read rather than mapped: a map of PanNuke's 25 GB that is walked once leaves its pages in the process's
    resident memory until the kernel wants them back.
    """

    path: Path
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    offset: int

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: int) -> np.ndarray[Any, np.dtype[Any]]:
        return self._read(index, 1).reshape(self.shape[1:])

    def all(self) -> np.ndarray[Any, np.dtype[Any]]:
        """Read every item; for small files alone."""
        return self._read(0, len(self))

    def _read(self, start: int, n: int) -> np.ndarray[Any, np.dtype[Any]]:
        if not 0 <= start < len(self):
            raise IndexError(start)
        size = prod(self.shape[1:])
        begin = self.offset + start * size * self.dtype.itemsize
        try:
            with self.path.open("rb") as handle:
                handle.seek(begin)
                content = handle.read(n * size * self.dtype.itemsize)
        except OSError as error:
            raise DataError(f"expected a readable array at {self.path}", got=str(error)) from error
        if len(content) != n * size * self.dtype.itemsize:
            raise DataError(f"expected {len(self)} items in {self.path}", got="a file that became shorter")
        return np.frombuffer(content, self.dtype).reshape(n, *self.shape[1:])


def open_patches(path: Path, item: Sequence[int | None], kinds: str, what: str) -> PatchArray:
    """Read the header of a `.npy` file and check it.

    Args:
        path: the file.
        item: shape of one item; None for any length above 0.
        kinds: numpy's kinds of dtype that are taken, as in "uif".
        what: what an item is, for errors.

    Raises:
        DataError: the file is absent, no `.npy`, shorter than its header says, in Fortran's order, holds Python
            objects, or items of another shape or kind.
    """
    fix = "unpack the official archive again"
    try:
        # mapping checks the header against the length of the file and refuses pickles; nothing is read
        with np.errstate(over="raise"):  # a shape whose product does not fit
            mapped = np.lib.format.open_memmap(path, mode="r")
    except FileNotFoundError as error:
        raise DataError(f"expected {what} at {path}", got="no such file", fix=fix) from error
    except (ValueError, EOFError, OSError, SyntaxError, TypeError, ArithmeticError) as error:
        got = str(error)
        if "objects in dtype" in got:
            got = "pickled Python objects, which are never loaded"
            fix += ", or open it where you trust it and save plain values: np.save(path, array.astype(str))"
        raise DataError(f"expected {what} in a .npy file that is whole: {path}", got=got, fix=fix) from error
    shape = mapped.shape
    fits = len(shape) == 1 + len(item) and all(
        n > 0 and (want is None or n == want) for n, want in zip(shape, (None, *item), strict=True)
    )
    if not fits:
        wanted = ", ".join(["n", *("any" if want is None else str(want) for want in item)])
        raise DataError(f"expected {what} of shape ({wanted}) in {path}", got=str(shape), fix=fix)
    if mapped.dtype.kind not in kinds:
        raise DataError(f"expected {what} of another kind in {path}", got=f"dtype {mapped.dtype}", fix=fix)
    if not mapped.flags.c_contiguous:
        fix = "write it again: np.save(path, np.ascontiguousarray(array))"
        raise DataError(f"expected {what} one after another in {path}", got="an array in Fortran's order", fix=fix)
    return PatchArray(path, mapped.dtype, shape, int(mapped.offset))


def rgb_pixels(pixels: Num[np.ndarray, "h w 3"], where: str) -> UInt8[np.ndarray, "h w 3"]:
    """Return an image as uint8; the order of its channels is kept.

    Raises:
        DataError: a value is fractional or outside 0..255.
    """
    return whole_numbers(pixels, f"RGB values in {where}", 255).astype(np.uint8)
