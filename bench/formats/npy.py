"""Reading of `.npy` and `.npz` files, but never of pickles, which would run any code they hold."""

from __future__ import annotations

import math
import threading
import tokenize
import zipfile
import zlib
from collections.abc import Collection
from pathlib import Path
from typing import IO, Any

import numpy as np

from bench.errors import DataError
from bench.formats.limits import check_unpacked, size_words

_MAGIC = b"\x93NUMPY"
_MOST_ARRAYS = 10_000
# NumPy parses headers as Python code, and in CPython 3.11 threads that parse at the same time may fail with a
# SystemError, because they share a count of the depth (python/cpython#106905).
_PARSING = threading.Lock()
# What NumPy, zipfile and Python's tokenizer, which NumPy has read old headers, raise for damaged bytes.
_BROKEN = (
    ValueError,
    EOFError,
    OSError,
    SyntaxError,
    TypeError,
    LookupError,
    ArithmeticError,
    MemoryError,
    RuntimeError,
    tokenize.TokenError,
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
            _check_whole(handle, path)
            with _PARSING:
                array = np.load(handle, allow_pickle=False)
    except FileNotFoundError as error:
        raise DataError(f"Cannot read the array {path}", got="no such file") from error
    # a header may claim more data than fits into memory
    except _BROKEN as error:
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
    except _BROKEN:
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
        DataError: the file is broken, an array holds Python objects, or one unpacks to more than `MOST_UNPACKED` bytes.
    """
    try:
        _check_claims(path, names)
        with _PARSING, np.load(path, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files if names is None or name in names}
    except _BROKEN as error:
        got = "pickled Python objects, which are never loaded" if "allow_pickle" in str(error) else str(error)
        fix = "write it again with np.savez, from arrays of numbers"
        raise DataError(f"Cannot read {path} as a .npz file", got=got, fix=fix) from error


def _check_whole(handle: IO[bytes], path: Path) -> None:
    """Refuse an array that is larger than its file, and leave the file at its beginning."""
    try:
        shape, dtype = _header(handle)
    except (ValueError, SyntaxError):  # NumPy says what is wrong
        shape, dtype = (), None
    claimed, left = _claimed(shape, dtype), path.stat().st_size - handle.tell()
    if dtype is not None and not dtype.hasobject and claimed > left:
        got = f"a header that claims {size_words(claimed)} in a file that has {size_words(left)}"
        raise DataError(f"Cannot read {path} as a .npy file", got=got, fix="write it again")
    handle.seek(0)


def _check_claims(path: Path, names: Collection[str] | None) -> None:
    """Refuse arrays of a `.npz` file that claim too much; which other things are wrong with it NumPy says."""
    with zipfile.ZipFile(path) as archive:
        if len(archive.infolist()) > _MOST_ARRAYS:
            got = f"{len(archive.infolist()):,} arrays; at most {_MOST_ARRAYS:,} are read"
            raise DataError(f"The file {path} has too many arrays", got=got, fix="write several files")
        for member in archive.infolist():
            name = member.filename.removesuffix(".npy")
            if names is not None and name not in names:
                continue
            check_unpacked(member.file_size, f"array {name[:80]!r} in {path}")
            with archive.open(member) as handle:
                if handle.read(len(_MAGIC)) != _MAGIC:
                    continue
            with archive.open(member) as handle:
                check_unpacked(_claimed(*_header(handle)), f"array {name[:80]!r} in {path}")


def _claimed(shape: tuple[int, ...], dtype: np.dtype[Any] | None) -> int:
    return 0 if dtype is None else math.prod(shape) * dtype.itemsize


def _shape(handle: IO[bytes]) -> tuple[int, ...]:
    return _header(handle)[0]


def _header(handle: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any] | None]:
    version = np.lib.format.read_magic(handle)
    read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}.get(version)
    if read is None:
        return (), None
    with _PARSING:
        shape, _, dtype = read(handle)
    return tuple(shape), dtype
