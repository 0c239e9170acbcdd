"""Arrays of patches: read one by one, and refused where the file is not what it should be."""

from __future__ import annotations

import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from bench.errors import DataError
from bench.formats.patch_arrays import open_patches, rgb_pixels


def opened(path, item=(None, None, 3), kinds="uif"):
    return open_patches(path, item, kinds, "patches")


@pytest.mark.parametrize("dtype", ["<f8", ">f8", "<f4", "u1", "<u2"])
def test_every_patch_comes_back_from_many_threads(tmp_path, dtype) -> None:
    array = np.random.default_rng(0).integers(0, 255, (23, 5, 7, 3)).astype(dtype)
    np.save(tmp_path / "a.npy", array)
    patches = opened(tmp_path / "a.npy")
    order = [index % 23 for index in range(200)]
    with ThreadPoolExecutor(8) as pool:
        for index, found in zip(order, pool.map(patches.__getitem__, order), strict=True):
            np.testing.assert_array_equal(found, array[index])
    np.testing.assert_array_equal(patches.all(), array)
    for outside in (-1, 23):
        with pytest.raises(IndexError):
            patches[outside]


def test_one_patch_of_a_large_file_does_not_load_the_file(tmp_path) -> None:
    # 3 GB by its header, sparse on disk
    large = np.lib.format.open_memmap(tmp_path / "a.npy", "w+", np.float64, (2000, 256, 256, 3))
    large[1999] = 7
    del large
    tracemalloc.start()
    try:
        found = opened(tmp_path / "a.npy")[1999]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found.min() == found.max() == 7
    assert peak < 2 * found.nbytes


def test_a_truncated_file_is_refused_when_opened_and_when_cut_later(tmp_path) -> None:
    path = tmp_path / "a.npy"
    np.save(path, np.zeros((4, 8, 8, 3)))
    patches = opened(path)
    with path.open("r+b") as handle:
        handle.truncate(path.stat().st_size - 100)
    with pytest.raises(DataError, match="became shorter"):
        patches[3]
    assert patches[0].sum() == 0
    with pytest.raises(DataError, match="as a complete .npy file"):
        opened(path)


@pytest.mark.parametrize(
    "content", [b"", b"\x93NUM", b"PK\x03\x04 no archive", b"x" * 500, b"\x93NUMPY\x01\x00\xff\xff{"]
)
def test_other_files_are_refused(tmp_path, content) -> None:
    (tmp_path / "a.npy").write_bytes(content)
    with pytest.raises(DataError, match=r"a\.npy"):
        opened(tmp_path / "a.npy")


@pytest.mark.parametrize("shape", ["(9223372036854775807, 8, 8, 3)", "(-1, 8, 8, 3)", "(10**9, 8, 8, 3)", "'x'"])
def test_a_header_that_lies_is_refused(tmp_path, shape) -> None:
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    (tmp_path / "a.npy").write_bytes(
        b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode() + b"0" * 999
    )
    with pytest.raises(DataError, match=r"a\.npy"):
        opened(tmp_path / "a.npy")


def test_absent_pickled_zipped_misshapen_and_misordered_arrays_are_refused(tmp_path) -> None:
    path = tmp_path / "a.npy"
    with pytest.raises(DataError, match="no such file"):
        opened(path)
    np.save(path, np.array([{"inst_map": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match="never loaded"):
        opened(path)
    with path.open("wb") as handle:
        np.savez(handle, np.zeros((2, 8, 8, 3)))
    with pytest.raises(DataError, match="magic"):
        opened(path)
    for odd in (np.zeros((2, 8, 8)), np.zeros((2, 8, 8, 4)), np.zeros((0, 8, 8, 3)), np.zeros((2, 8, 8, 3, 1))):
        np.save(path, odd)
        with pytest.raises(DataError):
            opened(path)
    for odd in (np.full((2, 8, 8, 3), "a"), np.zeros((2, 8, 8, 3), complex), np.zeros((2, 8, 8, 3), "M8[s]")):
        np.save(path, odd)
        with pytest.raises(DataError, match="dtype"):
            opened(path)
    np.save(path, np.asfortranarray(np.zeros((2, 8, 8, 3))))
    with pytest.raises(DataError, match="Fortran"):
        opened(path)


def test_pixels_become_uint8_only_where_nothing_is_lost() -> None:
    whole = np.array([[[0.0, 128.0, 255.0]]])
    assert rgb_pixels(whole, "a").tolist() == [[[0, 128, 255]]]
    assert rgb_pixels(whole, "a").dtype == np.uint8
    for odd in (0.5, -1.0, 256.0, np.nan, np.inf):
        with pytest.raises(DataError, match="RGB values in a"):
            rgb_pixels(np.array([[[odd, 0.0, 0.0]]]), "a")
