"""Label files: what is read, and every way of being unreadable."""

from __future__ import annotations

import numpy as np
import pytest

from bench.errors import DataError
from bench.formats.labels.mat import read_mat
from tests.bench.datasets.layouts import write_mat
from tests.toy import tile

_, INSTANCES, TYPES = tile(1, 48, density=0.01)


def test_maps_come_back_and_stored_centroids_are_x_y(tmp_path) -> None:
    write_mat(tmp_path / "a.mat", INSTANCES, TYPES)
    content = read_mat(tmp_path / "a.mat")
    np.testing.assert_array_equal(content.labels.instances, INSTANCES)
    np.testing.assert_array_equal(content.labels.types, TYPES)
    x, y = content.stored_centroids[0]
    assert INSTANCES[round(y), round(x)] == 1


def test_types_come_from_the_maps_not_from_stale_lists(tmp_path) -> None:
    stale = {"inst_type": np.ones((99, 1)), "inst_centroid": np.zeros((99, 2))}
    write_mat(tmp_path / "a.mat", INSTANCES, TYPES, **stale)
    content = read_mat(tmp_path / "a.mat")
    np.testing.assert_array_equal(content.labels.types, TYPES)
    assert content.stored_centroids is None


@pytest.mark.parametrize("key", ["inst_map", "type_map"])
def test_a_missing_map_is_named(tmp_path, key) -> None:
    write_mat(tmp_path / "a.mat", INSTANCES, TYPES, **{key: None})
    with pytest.raises(DataError, match=rf"a\.mat does not have the key '{key}'"):
        read_mat(tmp_path / "a.mat")


def truncated(path) -> bytes:
    return path.read_bytes()[: path.stat().st_size // 2]


@pytest.mark.parametrize(
    "content",
    [
        truncated,
        lambda path: b"",
        lambda path: b"not a label file",
        lambda path: np.random.default_rng(0).bytes(4000),
        lambda path: b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM" + bytes(400),
        lambda path: path.read_bytes()[:200] + bytes(50) + path.read_bytes()[250:],
    ],
    ids=["truncated", "empty", "text", "noise", "matlab-7.3", "corrupt"],
)
def test_unreadable_files_are_named(tmp_path, content) -> None:
    path = tmp_path / "a.mat"
    write_mat(path, INSTANCES, TYPES)
    path.write_bytes(content(path))
    with pytest.raises(DataError, match=r"Cannot read .*a\.mat as a MATLAB file"):
        read_mat(path)


def test_an_absent_file_is_named(tmp_path) -> None:
    with pytest.raises(DataError, match=r"no such file"):
        read_mat(tmp_path / "b.mat")
