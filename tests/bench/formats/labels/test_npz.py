"""Labels in `.npz` files: the maps or one array, never a pickle, and no size that a header only claims."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest
from scipy.sparse import csr_matrix, save_npz

from bench.errors import DataError
from bench.formats.labels import read_labels

IDS = np.array([[0, 4, 4], [9, 0, 0]])


def test_one_array_is_read_as_a_npy_file(tmp_path) -> None:
    np.savez(tmp_path / "a.npz", np.dstack([IDS, (IDS > 0) * 3]))
    assert read_labels(tmp_path / "a.npz").types.tolist() == [3, 3]
    np.savez(tmp_path / "b.npz", IDS > 5)
    assert read_labels(tmp_path / "b.npz").instances.tolist() == [[0, 0, 0], [1, 0, 0]]


def test_maps_by_name_next_to_other_arrays(tmp_path) -> None:
    np.savez_compressed(tmp_path / "a.npz", inst_map=IDS, pickled=np.array([{}]), centroids=np.zeros((2, 2)))
    found = read_labels(tmp_path / "a.npz")
    assert (found.instances.tolist(), found.types) == ([[0, 1, 1], [2, 0, 0]], None)


def enormous(path):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<i4", "fortran_order": False, "shape": (30_000, 30_000)})
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inst_map.npy", header.getvalue() + bytes(5_000_000))


def truncated(path):
    np.savez(path, inst_map=IDS)
    path.write_bytes(path.read_bytes()[:-40])


def flipped(path):
    np.savez_compressed(path, inst_map=np.arange(900).reshape(30, 30))
    content = bytearray(path.read_bytes())
    content[300] ^= 255
    path.write_bytes(content)


WRONG = {
    "pickle": (lambda path: np.savez(path, inst_map=np.array([{}])), "never loaded"),
    "several arrays": (lambda path: np.savez(path, a=IDS, b=IDS), r"keys \['a', 'b'\]"),
    "no array": (lambda path: np.savez(path), r"keys \[\]"),
    "a sparse matrix of scipy": (lambda path: save_npz(path, csr_matrix(IDS)), "'indptr'"),
    "enormous": (enormous, r"too large; got: shape \(30000, 30000\)"),
    "text": (lambda path: path.write_text("ids"), "as a .npz file"),
    "truncated": (truncated, "as a .npz file"),
    "a wrong byte": (flipped, "as a .npz file"),
    "a picture": (lambda path: np.savez(path, np.dstack([IDS, IDS + 1, IDS])), "a picture"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_holds_no_maps_is_refused(tmp_path, name) -> None:
    make, said = WRONG[name]
    make(tmp_path / "a.npz")
    with pytest.raises(DataError, match=said) as caught:
        read_labels(tmp_path / "a.npz")
    assert caught.value.fix


def test_an_absent_file_and_an_enormous_npy(tmp_path) -> None:
    with pytest.raises(DataError, match="no such file"):
        read_labels(tmp_path / "a.npz")
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": (30_000, 30_000)})
    (tmp_path / "a.npy").write_bytes(header.getvalue())
    with pytest.raises(DataError, match="too large"):
        read_labels(tmp_path / "a.npy")
