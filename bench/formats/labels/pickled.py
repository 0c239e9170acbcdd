"""CellViT's label files: `.npy` files with a pickled dictionary of maps, read without running any of it.

A pickle is a program that may call any function of any module. Here an unpickler runs it that knows seven names,
all of them used by numpy to write arrays; each stands for a reader of this module, so that the file cannot call any
function of numpy or of another package.
"""

from __future__ import annotations

import io
import math
import pickle
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from bench.errors import DataError
from bench.formats.labels.arrays import maps_of
from bench.formats.labels.maps import LabelMaps

_FIX = "load it if you trust it and save its maps: np.save(path, np.dstack([inst_map, type_map]))"


def holds_pickle(path: Path) -> bool:
    """Return whether the header of a `.npy` file says that it holds Python objects; False for any other file."""
    try:
        with path.open("rb") as handle:
            return _object_shape(handle) is not None
    except (OSError, ValueError):
        return False


def pickled_maps(path: Path) -> LabelMaps:
    """Read a dictionary of `inst_map` (h, w) and, if there are classes, `type_map` (h, w).

    Raises:
        DataError: the pickle names anything except arrays (the name is given; nothing of it has run), is broken, or
            does not hold these maps.
    """
    maps = _maps(path, ("inst_map", "type_map"))
    return maps_of(maps["inst_map"], maps.get("type_map"), path)


def _maps(path: Path, keys: tuple[str, ...]) -> dict[str, np.ndarray[Any, np.dtype[Any]]]:
    """Return the requested arrays of the pickled dictionary, at least the first."""
    try:
        content = _dictionary(path)
        if keys[0] not in content:
            keys_found = str([key for key in content if isinstance(key, str)])[:200]
            raise DataError(f"{path} does not have the key {keys[0]!r}", got=f"keys {keys_found}", fix=_FIX)
        return {key: _array(content[key], key) for key in keys if key in content}
    except _RefusedError as error:
        message = f"The pickle in {path} holds more than arrays and plain containers"
        raise DataError(message, got=f"{error}; nothing was run", fix=_FIX) from error
    except DataError:
        raise
    except Exception as error:  # a broken pickle can raise any kind of error
        got = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise DataError(f"Cannot read the pickle in {path}", got=got, fix="write it again") from error


def _dictionary(path: Path) -> Mapping[Any, Any]:
    """Return the content of the pickle, taken out of the array of one object in which `np.save` wraps it."""
    data = io.BytesIO(path.read_bytes())
    shape = _object_shape(data)
    if shape is None:
        raise DataError(f"{path} does not hold a pickled dictionary", got="an array of numbers")
    content = _Unpickler(data).load()
    if isinstance(content, _Array):
        content = content.only_object()
    if not isinstance(content, dict):
        got = type(content).__name__.lstrip("_").lower()
        raise DataError(f"{path} does not hold one dictionary of maps", got=got, fix=_FIX)
    return content


def _array(value: Any, key: str) -> np.ndarray[Any, np.dtype[Any]]:
    if not isinstance(value, _Array):
        raise _RefusedError(f"{type(value).__name__} instead of the array {key!r}")
    return value.array()


def _object_shape(handle: Any) -> tuple[int, ...] | None:
    """Read the header of a `.npy` file; return its shape if its elements are objects."""
    version = np.lib.format.read_magic(handle)
    read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}.get(version)
    if read is None:
        return None
    shape, _, dtype = read(handle)
    return tuple(shape) if dtype.hasobject else None


class _RefusedError(Exception):
    """The pickle needs something that no label file needs."""


class _Dtype:
    """An element type as described by a pickle."""

    __slots__ = ("code", "order")

    def __init__(self, code: Any) -> None:
        if not isinstance(code, str) or code not in _CODES:
            # any other value may have a text of gigabytes, from tuples that hold each other
            raise _RefusedError(f"elements of type {code[:40]!r}" if isinstance(code, str) else "elements of no type")
        self.code, self.order = code, "|"

    def __setstate__(self, state: Any) -> None:
        self.order = state[1]
        if self.order not in ("<", ">", "|", "=") or any(part is not None for part in state[2:5]):
            raise _RefusedError("elements of several fields")

    def dtype(self) -> np.dtype[Any]:
        """Return the element type of numbers."""
        return np.dtype(self.code).newbyteorder(self.order)  # type: ignore[arg-type]


_CODES = frozenset({"b1", "f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "O8", "O4"})


class _Array:
    """An array as described by a pickle; `None` before the description."""

    __slots__ = ("state",)

    def __init__(self) -> None:
        self.state: tuple[tuple[int, ...], _Dtype, bool, Any] | None = None

    def __setstate__(self, state: Any) -> None:
        if self.state is not None or not isinstance(state, tuple) or len(state) != 5:
            raise _RefusedError("an array in an unknown form")
        _, shape, dtype, fortran, data = state
        sizes = isinstance(shape, tuple) and len(shape) <= 8 and all(type(n) is int and n >= 0 for n in shape)
        if not sizes or not isinstance(dtype, _Dtype):
            raise _RefusedError("an array in an unknown form")
        self.state = (shape, dtype, bool(fortran), data)

    def array(self) -> np.ndarray[Any, np.dtype[Any]]:
        """Return an array of numbers; its size is that of its data, regardless of its shape."""
        shape, dtype, fortran, data = self._told()
        if dtype.code.startswith("O"):
            raise _RefusedError("an array of objects instead of one of numbers")
        if not isinstance(data, bytes) or len(data) != math.prod(shape) * dtype.dtype().itemsize:
            raise _RefusedError("an array whose data do not have its size")
        return np.frombuffer(data, dtype.dtype()).reshape(shape, order="F" if fortran else "C")

    def only_object(self) -> Any:
        """Return the one element of an array of objects."""
        _, dtype, _, data = self._told()
        if not dtype.code.startswith("O") or not isinstance(data, list) or len(data) != 1:
            raise _RefusedError(f"{len(data) if isinstance(data, list) else 'no'} objects instead of one dictionary")
        return data[0]

    def _told(self) -> tuple[tuple[int, ...], _Dtype, bool, Any]:
        if self.state is None:
            raise _RefusedError("an array without content")
        return self.state


class _Name:
    """A stand-in for a name in a pickle of arrays: it can be called, but not changed or subclassed."""

    __slots__ = ("_call",)

    def __init__(self, call: Callable[..., Any]) -> None:
        self._call = call

    def __call__(self, *args: Any) -> Any:
        return self._call(*args)

    def __setstate__(self, state: Any) -> None:
        raise _RefusedError("a change to a function")


def _blank(kind: Any, shape: Any, code: Any) -> _Array:
    if kind is not _NDARRAY:
        raise _RefusedError("an array of an unknown class")
    return _Array()


def _scalar(dtype: Any, data: Any) -> Any:
    if not isinstance(dtype, _Dtype) or dtype.code.startswith("O") or not isinstance(data, bytes):
        raise _RefusedError("a number in an unknown form")
    return np.frombuffer(data, dtype.dtype(), count=1)[0]


def _no_call(*args: Any) -> Any:
    raise _RefusedError("an array made by numpy.ndarray itself")


_NDARRAY = _Name(_no_call)
# numpy.core became numpy._core in numpy 2
_NAMES: Mapping[tuple[str, str], _Name] = {
    ("numpy", "ndarray"): _NDARRAY,
    ("numpy", "dtype"): _Name(lambda code, *_: _Dtype(code)),
    **{(f"numpy.{core}.multiarray", "_reconstruct"): _Name(_blank) for core in ("core", "_core")},
    **{(f"numpy.{core}.multiarray", "scalar"): _Name(_scalar) for core in ("core", "_core")},
}

_OPCODES = (
    pickle.PROTO + pickle.FRAME + pickle.STOP + pickle.MARK + pickle.POP + pickle.POP_MARK
    + pickle.NONE + pickle.NEWTRUE + pickle.NEWFALSE
    + pickle.BININT + pickle.BININT1 + pickle.BININT2 + pickle.LONG1 + pickle.BINFLOAT
    + pickle.UNICODE + pickle.BINUNICODE + pickle.SHORT_BINUNICODE + pickle.BINBYTES + pickle.SHORT_BINBYTES
    + pickle.BINBYTES8 + pickle.EMPTY_TUPLE + pickle.TUPLE + pickle.TUPLE1 + pickle.TUPLE2 + pickle.TUPLE3
    + pickle.EMPTY_LIST + pickle.APPEND + pickle.APPENDS + pickle.EMPTY_DICT + pickle.SETITEM + pickle.SETITEMS
    + pickle.MEMOIZE + pickle.PUT + pickle.BINPUT + pickle.LONG_BINPUT + pickle.GET + pickle.BINGET + pickle.LONG_BINGET
    + pickle.GLOBAL + pickle.STACK_GLOBAL + pickle.INST + pickle.REDUCE + pickle.BUILD
)  # fmt: skip


class _Opcodes(dict[int, Any]):
    """The instructions of pickles of arrays; any other (a persistent id, an extension, a new object) is an error."""

    def __missing__(self, code: int) -> Any:
        raise _RefusedError(f"the pickle instruction {bytes([code])!r}")


def _checked(load: Callable[[Any], None], many: bool) -> Callable[[Any], None]:
    """Return an instruction that fills a dictionary, for keys of text and numbers only.

    The hash of tuples that hold each other takes for ever to compute.
    """

    def checked(unpickler: Any) -> None:
        stack = unpickler.stack
        keys = stack[::2] if many else stack[-2:-1]
        if not all(isinstance(key, str | bytes | int | float | np.generic) for key in keys):
            raise _RefusedError("a dictionary with other keys than text and numbers")
        load(unpickler)

    return checked


class _Unpickler(pickle._Unpickler):
    """Python's implementation instead of C's, because its table of instructions can be reduced to those known here."""

    dispatch = _Opcodes({code: pickle._Unpickler.dispatch[code] for code in _OPCODES})
    for _code, _many in ((pickle.SETITEM[0], False), (pickle.SETITEMS[0], True)):
        dispatch[_code] = _checked(dispatch[_code], _many)

    def find_class(self, module: str, name: str) -> Any:
        """Return the stand-in of a name; import nothing."""
        if (module, name) not in _NAMES:
            raise _RefusedError(f"{module}.{name}")
        return _NAMES[module, name]
