"""Variables of MATLAB files: versions 4 to 7 through scipy, version 7.3 (HDF5) through h5py, also sparse matrices."""

from __future__ import annotations

import math
import struct
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np

from bench.errors import DataError
from bench.formats.labels.ids import check_size
from bench.formats.limits import check_inflated, check_unpacked

Variables = dict[str, np.ndarray[Any, np.dtype[Any]]]

_HDF5 = b"\x89HDF\r\n\x1a\n"
# Elements of version 5 to 7: a compressed variable, and the number of bytes before the first element.
_COMPRESSED, _HEAD = 15, 128
_CONTAINERS = frozenset({"cell", "struct", "object", "function", "opaque"})
_AGAIN = "download it again, or write it again in MATLAB: save(path, 'inst_map', 'inst_type', '-v7')"


def read_variables(path: Path, required: Sequence[str], optional: Sequence[str]) -> Variables:
    """Return some variables of a file, at least those of `required`; others are not read.

    Logical variables are arrays of bool, and sparse matrices are made dense.

    Raises:
        DataError: the file is unreadable, lacks a required variable, or one of them is too large or no array of
            numbers.
    """
    wanted = [*required, *optional]
    try:
        if _is_hdf5(path):
            names, found = _version_73(path, wanted)
        else:
            names, found = _version_7(path, wanted)
    except FileNotFoundError as error:
        raise DataError(f"There is no label file at {path}", got="no such file") from error
    except DataError:
        raise
    except Exception as error:  # broken bytes make the parsers raise any kind of error
        got = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        raise DataError(f"Cannot read {path} as a MATLAB file", got=got, fix=_AGAIN) from error
    for key in required:
        if key not in found:
            raise DataError(f"{path} does not have the key {key!r}", got=f"keys {sorted(names)}"[:300])
    return found


def _is_hdf5(path: Path) -> bool:
    """Return whether a file is HDF5, with or without MATLAB's text of 512 bytes in front."""
    with path.open("rb") as handle:
        head = handle.read(512 + len(_HDF5))
    return head.startswith((_HDF5, b"MATLAB 7.3")) or head[512:] == _HDF5


def _version_7(path: Path, wanted: Collection[str]) -> tuple[Collection[str], Variables]:
    # imported here: scipy.io is slow to import, and cards are read without it
    from scipy.io import loadmat, whosmat
    from scipy.sparse import issparse

    with path.open("rb") as handle:
        _check_inflated(handle, path)
        kinds = {}
        for name, shape, kind in whosmat(handle):  # a name may be there twice
            kinds[name] = (shape, kind)
            if name not in wanted:
                continue
            check_size(shape, f"variable {name!r} in {path}")
            if kind in _CONTAINERS:  # may be nested without end
                message = f"The variable {name!r} in {path} is not an array of numbers"
                raise DataError(message, got=f"a MATLAB {kind}", fix=_AGAIN)
        handle.seek(0)
        content: Mapping[str, Any] = loadmat(handle, variable_names=[name for name in wanted if name in kinds])
    found = {}
    for name in wanted:
        if name in content:
            array = content[name]
            dense = np.asarray(array.toarray() if issparse(array) else array)
            found[name] = dense.astype(bool) if kinds[name][1] == "logical" else dense
    return kinds, found


def _check_inflated(handle: IO[bytes], path: Path) -> None:
    """Refuse compressed variables that unpack to too much, whatever shape they claim."""
    head = handle.read(_HEAD)
    if len(head) == _HEAD and head[126:] in (b"IM", b"MI"):  # not version 4, which compresses nothing
        order = "<II" if head[126:] == b"IM" else ">II"
        while len(tag := handle.read(8)) == 8:
            kind, n_bytes = struct.unpack(order, tag)
            if kind == _COMPRESSED:
                check_inflated(handle, n_bytes, f"variable in {path}")
            else:
                handle.seek(n_bytes, 1)
    handle.seek(0)


def _version_73(path: Path, wanted: Collection[str]) -> tuple[Collection[str], Variables]:
    import h5py

    with h5py.File(path, "r") as file:
        for name in wanted:
            if isinstance(file.get(name, getlink=True), h5py.ExternalLink):
                raise _elsewhere(f"variable {name!r} in {path}")
        return list(file), {name: _of_hdf5(file[name], name, path) for name in wanted if name in file}


def _array(item: Any, what: str) -> np.ndarray[Any, np.dtype[Any]]:
    """Return the values of an HDF5 dataset, after checks of their size, of that of a chunk, and of where they are."""
    if not hasattr(item, "shape") or item.shape is None:
        raise DataError(f"The {what} is not an array of numbers", got="no values", fix=_AGAIN)
    if item.external or item.is_virtual:
        raise _elsewhere(what)
    check_size(item.shape, what)
    # a whole chunk is unpacked to read one of its values, and it may be larger than the array
    check_unpacked(item.dtype.itemsize * max(item.size, math.prod(item.chunks or ())), what)
    return np.asarray(item[()])


def _elsewhere(what: str) -> DataError:
    return DataError(f"The {what} is not in the file itself", got="a link to another file", fix=_AGAIN)


def _of_hdf5(item: Any, name: str, path: Path) -> np.ndarray[Any, np.dtype[Any]]:
    """Return an array; MATLAB stores columns first, so HDF5 has its axes in the opposite order."""
    kind = item.attrs.get("MATLAB_class")
    if kind is None:
        raise DataError(
            f"The variable {name!r} in {path} was not written by MATLAB, so the order of its axes is unknown",
            got="an HDF5 file without MATLAB_class",
            fix="save the arrays with scipy.io.savemat or np.savez",
        )
    if "MATLAB_sparse" in item.attrs:
        dense = _of_sparse(item, f"variable {name!r} in {path}")
    elif not hasattr(item, "shape") or item.dtype.kind not in "biuf":
        got = f"a MATLAB {kind.decode() if isinstance(kind, bytes) else kind}"
        raise DataError(f"The variable {name!r} in {path} is not an array of numbers", got=got, fix=_AGAIN)
    elif item.attrs.get("MATLAB_empty", 0):
        shape = tuple(int(n) for n in _array(item, f"variable {name!r} in {path}").ravel())
        check_size(shape, f"variable {name!r} in {path}")
        dense = np.zeros(shape, np.uint8)
    else:
        dense = _array(item, f"variable {name!r} in {path}").T
    return dense.astype(bool) if kind in (b"logical", "logical") else dense


def _of_sparse(item: Any, what: str) -> np.ndarray[Any, np.dtype[Any]]:
    """Return a sparse matrix, which is stored by columns: values, their rows, and where each column begins."""
    from scipy.sparse import csc_matrix

    begins = np.asarray(_array(item["jc"], what), np.int64)
    shape = int(item.attrs["MATLAB_sparse"]), len(begins) - 1
    check_size(shape, what)
    if "data" not in item:  # a matrix without entries
        return np.zeros(shape)
    content = _array(item["data"], what), np.asarray(_array(item["ir"], what), np.int64), begins
    matrix = csc_matrix(content, shape=shape)
    matrix.check_format(full_check=True)
    return np.asarray(matrix.toarray())
