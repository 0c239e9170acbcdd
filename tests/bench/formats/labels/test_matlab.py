"""Variables of MATLAB files of every version, and what cannot be read of them."""

from __future__ import annotations

import tracemalloc

import h5py
import numpy as np
import pytest
from scipy.io import savemat
from scipy.sparse import csc_matrix

from bench.errors import DataError
from bench.formats.labels import read_labels
from bench.formats.labels.matlab import read_variables
from tests.toy_maps import contiguous, pair, type_map, typed

_, IDS = pair(3, size=60, n=12)
TYPES = typed(np.random.default_rng(3), IDS, 4)


def hdf5(path, **variables):
    """Write variables as MATLAB 7.3 does: a tuple is an array and its class, a matrix is sparse."""
    with h5py.File(path, "w") as file:
        for name, value in variables.items():
            if isinstance(value, tuple):
                item = file.create_dataset(name, data=value[0].T)
                item.attrs["MATLAB_class"] = np.bytes_(value[1])
            else:
                item = file.create_group(name)
                item.attrs["MATLAB_class"] = np.bytes_("double")
                item.attrs["MATLAB_sparse"] = np.uint64(value.shape[0])
                item["jc"] = value.indptr.astype(np.uint64)
                if value.nnz:
                    item["ir"], item["data"] = value.indices.astype(np.uint64), value.data


@pytest.mark.parametrize("kind", ["u1", "u2", "i4", "i8", "f4", "f8", ">f8"])
@pytest.mark.parametrize("compressed", [False, True])
def test_types_of_version_7(tmp_path, kind, compressed) -> None:
    savemat(tmp_path / "a.mat", {"inst_map": IDS.astype(kind)}, do_compression=compressed)
    np.testing.assert_array_equal(read_labels(tmp_path / "a.mat").instances, contiguous(IDS))


def test_version_4(tmp_path) -> None:
    savemat(tmp_path / "a.mat", {"inst_map": IDS.astype(float)}, format="4")
    np.testing.assert_array_equal(read_labels(tmp_path / "a.mat").instances, contiguous(IDS))


def test_logical_variables_are_bool_in_every_version(tmp_path) -> None:
    mask = np.zeros((6, 9), bool)
    mask[2:4, 3:8] = True
    savemat(tmp_path / "a.mat", {"inst_map": mask, "sparse": csc_matrix(mask)})
    hdf5(tmp_path / "b.mat", inst_map=(mask.astype(np.uint8), "logical"))
    for name in ("a.mat", "b.mat"):
        found = read_variables(tmp_path / name, ["inst_map"], ["sparse"])
        assert {array.dtype.kind for array in found.values()} == {"b"}
        np.testing.assert_array_equal(found["inst_map"], mask)
        assert read_labels(tmp_path / name).instances.max() == 1
    savemat(tmp_path / "c.mat", {"inst_map": IDS > 0})
    with pytest.raises(DataError, match="logical values with"):
        read_labels(tmp_path / "c.mat")


def test_version_73_has_its_axes_turned_back(tmp_path) -> None:
    wide = np.zeros((3, 5))
    wide[0, 4] = 2
    hdf5(tmp_path / "a.mat", inst_map=(wide, "double"), other=(wide, "double"))
    found = read_variables(tmp_path / "a.mat", ["inst_map"], ["type_map"])
    assert list(found) == ["inst_map"]
    np.testing.assert_array_equal(found["inst_map"], wide)


def test_sparse_matrices_of_version_73(tmp_path) -> None:
    content = {"inst_map": csc_matrix(IDS[:, :50].astype(float)), "type_map": csc_matrix((60, 50))}
    hdf5(tmp_path / "a.mat", **content)
    found = read_variables(tmp_path / "a.mat", ["inst_map", "type_map"], [])
    for name, matrix in content.items():
        np.testing.assert_array_equal(found[name], matrix.toarray())


def test_an_empty_list_of_version_73(tmp_path) -> None:
    hdf5(tmp_path / "a.mat", inst_map=(np.zeros((4, 6)), "double"), inst_type=(np.array([0, 0], np.uint64), "double"))
    with h5py.File(tmp_path / "a.mat", "a") as file:
        file["inst_type"].attrs["MATLAB_empty"] = np.uint8(1)
    found = read_labels(tmp_path / "a.mat")
    assert (found.instances.shape, found.types.shape) == ((4, 6), (0,))


def test_classes_of_lizard_are_in_the_order_of_its_ids(tmp_path) -> None:
    ids = np.array([[1, 1, 0], [0, 5, 5], [9, 0, 0]])
    savemat(tmp_path / "a.mat", {"inst_map": ids, "id": [[9], [1], [5]], "class": [[4], [2], [6]]})
    assert read_labels(tmp_path / "a.mat").types.tolist() == [2, 6, 4]
    savemat(tmp_path / "b.mat", {"inst_map": ids, "class": [[4], [2], [6]]})
    assert read_labels(tmp_path / "b.mat").types.tolist() == [4, 2, 6]


def cell(path):
    savemat(path, {"inst_map": np.array([IDS, "a"], dtype=object)})


def cell_73(path):
    with h5py.File(path, "w") as file:
        item = file.create_dataset("inst_map", (2,), h5py.ref_dtype)
        item.attrs["MATLAB_class"] = np.bytes_("cell")


def struct_73(path):
    with h5py.File(path, "w") as file:
        file.create_group("inst_map").attrs["MATLAB_class"] = np.bytes_("struct")


def of_python(path):
    with h5py.File(path, "w") as file:
        file["inst_map"] = IDS


def broken_sparse(path):
    matrix = csc_matrix(IDS.astype(float))
    matrix.indices[3] = 999
    hdf5(path, inst_map=matrix)


def head_of_73(path):
    path.write_bytes(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(512) + b"\x89HDF\r\n\x1a\n" + b"\0" * 900)


WRONG = {
    "a cell": (cell, "not numbers|array of numbers", ""),
    "a cell of 7.3": (cell_73, "a MATLAB cell", "'-v7'"),
    "a struct of 7.3": (struct_73, "a MATLAB struct", "'-v7'"),
    "no file of MATLAB": (of_python, "without MATLAB_class", "savemat"),
    "rows outside": (broken_sparse, "Cannot read .* as a MATLAB file", "'-v7'"),
    "only the head of 7.3": (head_of_73, "Cannot read .* as a MATLAB file", "'-v7'"),
    "text": (lambda path: path.write_text("inst_map"), "Cannot read .* as a MATLAB file", "'-v7'"),
    "another key of 7.3": (lambda path: hdf5(path, labels=(IDS, "double")), r"keys \['labels'\]", ""),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_read_is_refused_with_its_advice(tmp_path, name) -> None:
    make, said, fix = WRONG[name]
    make(tmp_path / "a.mat")
    with pytest.raises(DataError, match=said) as caught:
        read_labels(tmp_path / "a.mat")
    assert fix in caught.value.fix


def enormous_7(path):
    savemat(path, {"inst_map": csc_matrix((30_000, 30_000)), "type_map": csc_matrix((3, 3))})


def enormous_73(path):
    with h5py.File(path, "w") as file:
        item = file.create_dataset("inst_map", (30_000, 30_000), "f8", chunks=True, compression="gzip")
        item.attrs["MATLAB_class"] = np.bytes_("double")


def enormous_sparse_73(path):
    hdf5(path, inst_map=csc_matrix((2**40, 60)))


@pytest.mark.parametrize("make", [enormous_7, enormous_73, enormous_sparse_73])
def test_a_small_file_that_claims_an_enormous_map_is_refused_before_memory_is_used(tmp_path, make) -> None:
    make(tmp_path / "a.mat")
    assert (tmp_path / "a.mat").stat().st_size < 1_000_000
    tracemalloc.start()
    with pytest.raises(DataError, match=r"variable 'inst_map' in .* is too large") as caught:
        read_labels(tmp_path / "a.mat")
    assert tracemalloc.get_traced_memory()[1] < 20_000_000
    tracemalloc.stop()
    assert "tiles" in caught.value.fix


def test_types_of_a_list_may_be_sparse(tmp_path) -> None:
    listed = csc_matrix(np.asarray(TYPES, float)[:, None])
    savemat(tmp_path / "a.mat", {"inst_map": IDS, "inst_type": listed})
    np.testing.assert_array_equal(read_labels(tmp_path / "a.mat").types, TYPES)
    savemat(tmp_path / "b.mat", {"inst_map": IDS, "type_map": csc_matrix(type_map(IDS, TYPES).astype(float))})
    np.testing.assert_array_equal(read_labels(tmp_path / "b.mat").types, TYPES)
