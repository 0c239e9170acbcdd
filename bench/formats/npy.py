"""Reading of `.npy` and `.npz` files, but never of pickles, which would run any code they hold."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np

from bench.errors import DataError

_MAGIC = b"\x93NUMPY"
# NumPy parses headers as Python code, and in CPython 3.11 threads that parse at the same time may fail with a
# SystemError, because they share a count of the depth (python/cpython#106905).
_PARSING = threading.Lock()


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


def read_npz(path: Path) -> dict[str, np.ndarray[Any, np.dtype[Any]]]:
    """Return the arrays of a `.npz` file that this package wrote, by name."""
    with _PARSING, np.load(path, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}
