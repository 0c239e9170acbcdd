"""Reading of `.npy` files, but never of pickles, which would run any code they hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from bench.errors import DataError

_MAGIC = b"\x93NUMPY"


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
