"""Patches in one `.npy` file, each read separately without loading the file."""

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
    """The items of a `.npy` file along the first axis; it holds no open file and is safe to use from several threads.

    Items are read instead of mapped: one pass over a map of PanNuke's 25 GB leaves its pages in the process's
    resident memory until the kernel needs them.
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
        """Read every item; only for small files."""
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
            raise DataError(f"Cannot read the array {self.path}", got=str(error)) from error
        if len(content) != n * size * self.dtype.itemsize:
            raise DataError(f"{self.path} does not have {len(self)} items", got="a file that became shorter")
        return np.frombuffer(content, self.dtype).reshape(n, *self.shape[1:])


def open_patches(path: Path, item: Sequence[int | None], kinds: str, what: str) -> PatchArray:
    """Return the items of a `.npy` file, after a check of its header.

    Args:
        path: the file.
        item: shape of one item; None for any length above 0.
        kinds: numpy's kinds of dtype that are accepted, as in "uif".
        what: name of the items, for errors.

    Raises:
        DataError: the file is absent, not a `.npy` file, shorter than its header says, in Fortran's order, or it
            holds Python objects or items of another shape or kind.
    """
    fix = "unpack the official archive again"
    try:
        # mapping checks the header against the length of the file and refuses pickles; nothing is read
        with np.errstate(over="raise"):  # a shape whose product does not fit
            mapped = np.lib.format.open_memmap(path, mode="r")
    except FileNotFoundError as error:
        raise DataError(f"There are no {what} at {path}", got="no such file", fix=fix) from error
    except (ValueError, EOFError, OSError, SyntaxError, TypeError, ArithmeticError) as error:
        got = str(error)
        if "objects in dtype" in got:
            got = "pickled Python objects, which are never loaded"
            fix += ", or load it if you trust it and save plain values: np.save(path, array.astype(str))"
        raise DataError(f"Cannot read the {what} in {path} as a complete .npy file", got=got, fix=fix) from error
    shape = mapped.shape
    fits = len(shape) == 1 + len(item) and all(
        n > 0 and (want is None or n == want) for n, want in zip(shape, (None, *item), strict=True)
    )
    if not fits:
        wanted = ", ".join(["n", *("any" if want is None else str(want) for want in item)])
        raise DataError(f"The {what} in {path} do not have the shape ({wanted})", got=str(shape), fix=fix)
    if mapped.dtype.kind not in kinds:
        raise DataError(f"The {what} in {path} have the wrong kind of values", got=f"dtype {mapped.dtype}", fix=fix)
    if not mapped.flags.c_contiguous:
        fix = "write it again: np.save(path, np.ascontiguousarray(array))"
        raise DataError(
            f"The {what} in {path} are not stored one after another", got="an array in Fortran's order", fix=fix
        )
    return PatchArray(path, mapped.dtype, shape, int(mapped.offset))


def rgb_pixels(pixels: Num[np.ndarray, "h w 3"], where: str) -> UInt8[np.ndarray, "h w 3"]:
    """Return an image as uint8; the order of its channels is kept.

    Raises:
        DataError: a value is fractional or outside 0..255.
    """
    return whole_numbers(pixels, f"RGB values in {where}", 255).astype(np.uint8)
