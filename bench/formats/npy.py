"""Reading of `.npy` and `.npz` files, but never of pickles, which would run any code they hold."""

from __future__ import annotations

import threading
import zipfile
import zlib
from collections.abc import Collection
from pathlib import Path
from typing import IO, Any

import numpy as np

from bench.errors import DataError

_MAGIC = b"\x93NUMPY"
# NumPy parses headers as Python code, and in CPython 3.11 threads that parse at the same time may fail with a
# SystemError, because they share a count of the depth (python/cpython#106905).
_PARSING = threading.Lock()
_BROKEN = (
    ValueError,
    EOFError,
    OSError,
    SyntaxError,
    KeyError,
    MemoryError,
    NotImplementedError,
    zipfile.BadZipFile,
    zlib.error,
)


def read_npy(path: Path) -> np.ndarray[Any, np.dtype[Any]]:
    """Read the one array of a `.npy` file.

    Raises:
        DataError: the file is absent, not a `.npy` file or truncated, or holds Python objects.
    """
    try:
        with path.open("rb") as handle:
            if handle.read(len(_MAGIC)) != _MAGIC:
                raise DataError(f"{path} is not a .npy file", got="another format", fix="write it with np.save")
            handle.seek(0)
            with _PARSING:
                array = np.load(handle, allow_pickle=False)
    except FileNotFoundError as error:
        raise DataError(f"Cannot read the array {path}", got="no such file") from error
    # a header may claim more data than fits into memory
    except (ValueError, EOFError, OSError, SyntaxError, MemoryError) as error:
        if "allow_pickle" in str(error):
            raise DataError(
                f"{path} does not hold an array of numbers",
                got="pickled Python objects, which are never loaded",
                fix="load it if you trust it and save the array: "
                "np.save(path, array), for a dict of maps np.save(path, np.dstack([inst_map, type_map]))",
            ) from error
        raise DataError(f"Cannot read {path} as a .npy file", got=str(error), fix="write it again") from error
    return np.asarray(array)


def npy_shape(path: Path) -> tuple[int, ...]:
    """Return the shape that the header of a `.npy` file claims, or () if it has none; nothing else is read."""
    try:
        with path.open("rb") as handle:
            return _shape(handle)
    except (ValueError, EOFError, OSError, SyntaxError):
        return ()


def npz_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Return the shapes that the arrays of a `.npz` file claim, by name; nothing else is read.

    Raises:
        DataError: the file is absent, or is not a `.npz` file.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            shapes = {}
            for name in archive.namelist():
                with archive.open(name) as handle:
                    shapes[name.removesuffix(".npy")] = _shape(handle)
            return shapes
    except FileNotFoundError as error:
        raise DataError(f"Cannot read the arrays of {path}", got="no such file") from error
    except _BROKEN as error:
        raise DataError(f"Cannot read {path} as a .npz file", got=str(error), fix="write it with np.savez") from error


def read_npz(path: Path, names: Collection[str] | None = None) -> dict[str, np.ndarray[Any, np.dtype[Any]]]:
    """Return the arrays of a `.npz` file by name, or only those that are named.

    Raises:
        DataError: the file is broken, or an array holds Python objects.
    """
    try:
        with _PARSING, np.load(path, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files if names is None or name in names}
    except _BROKEN as error:
        got = "pickled Python objects, which are never loaded" if "allow_pickle" in str(error) else str(error)
        fix = "write it again with np.savez, from arrays of numbers"
        raise DataError(f"Cannot read {path} as a .npz file", got=got, fix=fix) from error


def _shape(handle: IO[bytes]) -> tuple[int, ...]:
    version = np.lib.format.read_magic(handle)
    read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}.get(version)
    if read is None:
        return ()
    with _PARSING:
        shape, _, _ = read(handle)
    return tuple(shape)
