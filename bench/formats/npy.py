"""Reading `.npy` files: never a pickle, which would run whatever code it holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from bench.errors import DataError

_MAGIC = b"\x93NUMPY"


def read_npy(path: Path) -> np.ndarray[Any, np.dtype[Any]]:
    """Read the one array of a `.npy` file.

    Raises:
        DataError: the file is absent, no `.npy`, truncated, or holds Python objects.
    """
    try:
        with path.open("rb") as handle:
            if handle.read(len(_MAGIC)) != _MAGIC:
                raise DataError(f"expected a .npy file in {path}", got="another format", fix="write it with np.save")
            handle.seek(0)
            array = np.load(handle, allow_pickle=False)
    except FileNotFoundError as error:
        raise DataError(f"expected an array at {path}", got="no such file") from error
    # a header may claim more than there is memory for
    except (ValueError, EOFError, OSError, SyntaxError, MemoryError) as error:
        if "allow_pickle" in str(error):
            raise DataError(
                f"expected an array of numbers in {path}",
                got="pickled Python objects, which are never loaded",
                fix="open it where you trust it and save the array itself: "
                "np.save(path, array), for a dict of maps np.save(path, np.dstack([inst_map, type_map]))",
            ) from error
        raise DataError(f"expected a readable .npy file in {path}", got=str(error), fix="write it again") from error
    return np.asarray(array)
