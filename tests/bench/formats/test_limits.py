"""Small files that become large in memory are refused before they do, with the sizes in the error."""

from __future__ import annotations

import io
import struct
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile
from scipy.io import savemat

from bench.errors import DataError
from bench.formats import limits
from bench.formats.csv_tables import read_table
from bench.formats.json_files import read_json
from bench.formats.labels import read_labels
from bench.formats.labels.label_images import read_label_image
from bench.formats.limits import check_inflated, size_words
from bench.formats.npy import read_npy, read_npz
from bench.imageio import read_rgb

MOST = 1 << 20


@pytest.fixture(autouse=True)
def low(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lower the limits to 1 MiB, so that the tests need not pack gigabytes."""
    monkeypatch.setattr(limits, "MOST_UNPACKED", MOST)
    monkeypatch.setattr(limits, "MOST_TEXT", MOST)


def compressed(element: bytes) -> bytes:
    packed = zlib.compress(element, 9)
    return b"MATLAB 5.0".ljust(124) + struct.pack("<HH", 0x0100, 0x4D49) + struct.pack("<II", 15, len(packed)) + packed


def matrix(shape: tuple[int, int], n_bytes: int, claimed: int | None = None) -> bytes:
    """Return a variable `inst_map` that claims a shape and has other bytes."""
    parts = struct.pack("<IIII", 6, 8, 9, 0) + struct.pack("<IIii", 5, 8, *shape)
    parts += struct.pack("<II", 1, 8) + b"inst_map" + struct.pack("<II", 2, claimed or n_bytes) + bytes(n_bytes)
    return struct.pack("<II", 14, len(parts)) + parts


def more_than_it_says(path: Path) -> None:
    path.write_bytes(compressed(matrix((10, 10), 8 * MOST)))


def more_after_the_variable(path: Path) -> None:
    path.write_bytes(compressed(matrix((10, 10), 100) + bytes(8 * MOST)))


def twice(path: Path) -> None:
    head = compressed(matrix((30_000, 30_000), 10))
    path.write_bytes(head + compressed(matrix((10, 10), 100))[128:])


def chunk_73(path: Path) -> None:
    with h5py.File(path, "w") as file:
        settings = {"maxshape": (None, None), "chunks": (2000, 2000), "compression": "gzip"}
        file.create_dataset("inst_map", (4, 4), "f8", **settings).attrs["MATLAB_class"] = np.bytes_("double")


def empty_73(path: Path) -> None:
    with h5py.File(path, "w") as file:
        item = file.create_dataset("inst_map", (30_000, 30_000), "u8", chunks=True, compression="gzip")
        item.attrs["MATLAB_class"], item.attrs["MATLAB_empty"] = np.bytes_("double"), 1


def columns_73(path: Path) -> None:
    with h5py.File(path, "w") as file:
        item = file.create_group("inst_map")
        item.attrs["MATLAB_class"], item.attrs["MATLAB_sparse"] = np.bytes_("double"), 10
        item.create_dataset("jc", (2**33,), "u8", chunks=True, compression="gzip")


def entries_73(path: Path) -> None:
    with h5py.File(path, "w") as file:
        item = file.create_group("inst_map")
        item.attrs["MATLAB_class"], item.attrs["MATLAB_sparse"] = np.bytes_("double"), 10
        item["jc"] = np.zeros(11, "u8")
        for name in ("ir", "data"):
            item.create_dataset(name, (2**33,), "u8", chunks=True, compression="gzip")


@pytest.mark.parametrize(
    "make", [more_than_it_says, more_after_the_variable, twice, chunk_73, empty_73, columns_73, entries_73]
)
def test_a_mat_file_that_becomes_large_is_refused(tmp_path: Path, make: Callable[[Path], None]) -> None:
    path = tmp_path / "a.mat"
    make(path)
    assert path.stat().st_size < 100_000
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match=r"variable .*in .*a\.mat is too large") as caught:
            read_labels(path)
        assert tracemalloc.get_traced_memory()[1] < 8 * MOST
    finally:
        tracemalloc.stop()
    assert "at most" in caught.value.got
    assert "tiles" in caught.value.fix


def test_a_mat_file_below_the_limit_is_read(tmp_path: Path) -> None:
    ids = np.zeros((300, 300), np.int32)
    ids[4:9, 4:9], ids[40:60, 40:60] = 1, 2
    savemat(tmp_path / "a.mat", {"inst_map": ids, "other": np.random.default_rng(0).random(9000)}, do_compression=True)
    np.testing.assert_array_equal(read_labels(tmp_path / "a.mat").instances, ids)


def nested(path: Path) -> None:
    cell: object = np.zeros((1, 1))
    for _ in range(40):
        inner, cell = cell, np.empty((1, 1), object)
        cell[0, 0] = inner
    savemat(path, {"inst_map": cell})


def other_file_73(path: Path) -> None:
    with h5py.File(path.with_name("secret.h5"), "w") as file:
        file["ids"] = np.ones((4, 4))
    with h5py.File(path, "w") as file:
        file["inst_map"] = h5py.ExternalLink("secret.h5", "ids")


def other_bytes_73(path: Path) -> None:
    path.with_name("secret.bin").write_bytes(bytes(128))
    with h5py.File(path, "w") as file:
        settings = {"external": [(str(path.with_name("secret.bin")), 0, 128)]}
        file.create_dataset("inst_map", (4, 4), "f8", **settings).attrs["MATLAB_class"] = np.bytes_("double")


def virtual_73(path: Path) -> None:
    layout = h5py.VirtualLayout((4, 4), "f8")
    layout[:] = h5py.VirtualSource(str(path.with_name("secret.h5")), "ids", (4, 4))
    with h5py.File(path, "w") as file:
        file.create_virtual_dataset("inst_map", layout).attrs["MATLAB_class"] = np.bytes_("double")


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (nested, "a MATLAB cell"),
        (other_file_73, "a link to another file"),
        (other_bytes_73, "a link to another file"),
        (virtual_73, "a link to another file"),
    ],
)
def test_a_mat_file_cannot_name_other_files_or_nest(tmp_path: Path, make: Callable[[Path], None], said: str) -> None:
    make(tmp_path / "a.mat")
    with pytest.raises(DataError, match=said):
        read_labels(tmp_path / "a.mat")


def header(shape: tuple[int, ...], kind: str = "|u1") -> bytes:
    text = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode()


@pytest.mark.parametrize(
    ("shape", "kind"),
    [((400_000, 400_000, 3), "|u1"), ((2**62, 2**62), "|u1"), ((101,), "|u1"), ((13,), "<f8"), ((1,), "|V999999999")],
)
def test_an_array_that_is_larger_than_its_file_is_refused(tmp_path: Path, shape: tuple[int, ...], kind: str) -> None:
    (tmp_path / "a.npy").write_bytes(header(shape, kind) + bytes(100))
    with pytest.raises(DataError, match="a header that claims .* in a file that has 100 bytes"):
        read_npy(tmp_path / "a.npy")


def packed(**members: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return out.getvalue()


@pytest.mark.parametrize(
    "content",
    [header((8 * MOST,)) + bytes(8 * MOST), header((2**40,)), header((1,), "|V999999999"), bytes(8 * MOST)],
    ids=["large", "a claim", "a large item", "no array"],
)
def test_an_archive_of_arrays_that_becomes_large_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.npz").write_bytes(packed(fine=header((4,)) + bytes(4), inst_map=content))
    with pytest.raises(DataError, match=r"array 'inst_map' in .*a\.npz is too large") as caught:
        read_npz(tmp_path / "a.npz")
    assert "at most 1.0 MiB are read" in caught.value.got
    assert read_npz(tmp_path / "a.npz", ["fine"])["fine"].shape == (4,)


def test_an_archive_of_very_many_arrays_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_bytes(packed(**{f"a{number}": b"" for number in range(10_001)}))
    with pytest.raises(DataError, match="10,001 arrays"):
        read_npz(tmp_path / "a.npz", ["a1"])


@pytest.mark.parametrize("read", [read_json, lambda path: read_table(path, "id")])
def test_a_text_that_is_too_large_is_not_read(tmp_path: Path, read: Callable[[Path], object]) -> None:
    with (tmp_path / "a.txt").open("wb") as handle:
        handle.truncate(3 * MOST)
    with pytest.raises(DataError, match=r"a\.txt is too large.*3\.0 MiB; at most 1\.0 MiB are read.*split"):
        read(tmp_path / "a.txt")


@pytest.mark.parametrize("read", [read_rgb, read_label_image])
def test_a_tile_that_is_larger_than_its_image_is_refused(tmp_path: Path, read: Callable[[Path], object]) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.zeros((64, 64), np.uint8), tile=(64, 64), compression="zlib")
    with tifffile.TiffFile(path, mode="r+") as file:
        for name in ("TileWidth", "TileLength"):
            file.pages.first.tags[name].overwrite(60_000)
    with pytest.raises(DataError, match="too large"):
        read(path)


def test_a_stream_below_the_limit_is_passed_over() -> None:
    packed = zlib.compress(bytes(MOST))
    handle = io.BytesIO(packed + b"next")
    check_inflated(handle, len(packed), "stream")
    assert handle.read() == b"next"
    more = zlib.compress(bytes(MOST + 1))
    with pytest.raises(DataError, match="stream is too large"):
        check_inflated(io.BytesIO(more), len(more), "stream")


def test_sizes_have_words_however_large_they_are() -> None:
    assert size_words(2**200).startswith("more than")
