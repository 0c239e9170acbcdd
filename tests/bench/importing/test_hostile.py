"""Hostile and broken folders: a clear error with nothing left, or a conversion that is documented."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.errors import DataError
from bench.synthetic import SyntheticSet, verify_set
from tests.bench.importing.folders import write_images
from tests.bench.importing.test_command import bring_in
from tests.toy import tile

PIXELS = tile(0, 40, density=0.006)[0]


def refused(root: Path, said: str, **changes: object) -> None:
    """Import `root/img`, expect an error that says so, and nothing of a set in the store."""
    with pytest.raises(DataError, match=said) as raised:
        bring_in(root / "img", root / "store", **changes)
    assert raised.value.got
    files = [path.relative_to(root / "store") for path in (root / "store").rglob("*") if path.is_file()]
    left = [path for path in files if path.parts[0] != "failures"]  # the record of the failed step
    assert [path for path in left if path.suffix in (".png", ".json", ".jsonl") and path.name != "cost.json"] == []


def save(path: Path, array: np.ndarray = PIXELS) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)


def png(width: int, height: int, mode: int = 2, bits: int = 8) -> bytes:
    """Return a PNG whose header claims a size that its few bytes of pixels do not have."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, mode, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(10_000))) + chunk(b"IEND", b"")


def npy(shape: tuple[int, ...]) -> bytes:
    """Return a `.npy` file whose header claims a shape that it does not hold."""
    text = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode() + bytes(100)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("bomb.png", png(60_000, 60_000), "is too large"),
        ("wide.png", png(100_000_000, 1), "readable image|is too large"),
        ("bomb.npy", npy((400_000, 400_000, 3)), r"Cannot read .*\.npy"),
        ("huge.npy", npy((2**62, 2**62, 3)), r"Cannot read .*\.npy"),
        ("zero.png", png(0, 0), "readable image|has no pixels"),
        ("empty.png", b"", "readable image"),
        ("zero.npy", npy((0, 0, 3)), r"zero\.npy"),
        ("text.jpg", b"<html>not found</html>", "readable image"),
        ("cut.png", png(64, 64)[:60], "readable image"),
        ("pickle.npy", b"\x80\x04}q.", r"\.npy file"),
    ],
)
def test_an_image_that_is_none_is_refused(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    save(tmp_path / "img" / "a sound one.png")
    (tmp_path / "img" / name).write_bytes(content)
    refused(tmp_path, said)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.png", png(60_000, 60_000, mode=0, bits=16), "is too large"),
        ("a.png", png(0, 0, mode=0, bits=16), r"a\.png"),
        ("a.npy", npy((400_000, 400_000)), r"array in .*\.npy is too large"),
        ("a.npy", npy((0, 0)), "does not have the shape"),
        ("a.mat", b"", "Cannot read"),
    ],
)
def test_a_label_that_is_none_is_refused(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    save(tmp_path / "img" / "a.png")
    (tmp_path / "lab").mkdir()
    (tmp_path / "lab" / name).write_bytes(content)
    refused(tmp_path, said, labels=tmp_path / "lab")


@pytest.mark.parametrize(
    ("suffix", "array", "said"),
    [
        (".npy", np.full((40, 40), 2**40, np.int64), "instance ids"),
        (".npy", np.full((40, 40), 2**63 + 1, np.uint64), "instance ids"),
        (".npy", np.full((40, 40), -1, np.int32), "instance ids"),
        (".npy", np.dstack([np.ones((40, 40)), np.full((40, 40), 300)]).astype(np.int32), "class"),
        (".npy", np.dstack([np.ones((40, 40)), np.full((40, 40), 256 + 2)]).astype(np.int32), "class"),
        (
            ".npy",
            np.dstack([np.ones((40, 40)), np.full((40, 40), 9)]).astype(np.int32),
            "class 9; the card has 1, 2, 3, 4",
        ),
        (".tif", np.full((40, 40), 2**31, np.uint32), "instance ids"),
        (".tif", np.full((40, 40), -5, np.int32), "instance ids"),
        (".tif", np.full((40, 40), 0.5, np.float32), "fractional"),
    ],
)
def test_a_label_id_above_its_range_is_refused(tmp_path: Path, suffix: str, array: np.ndarray, said: str) -> None:
    save(tmp_path / "img" / "a.png")
    (tmp_path / "lab").mkdir()
    path = tmp_path / "lab" / f"a{suffix}"
    np.save(path, array) if suffix == ".npy" else Image.fromarray(array).save(path)
    refused(tmp_path, said, labels=tmp_path / "lab")


def test_large_ids_are_renumbered_and_more_nuclei_than_16_bits_hold_are_refused(tmp_path: Path) -> None:
    save(tmp_path / "img" / "a.png", np.zeros((300, 300, 3), np.uint8) + 200)
    (tmp_path / "lab").mkdir()
    few = np.zeros((300, 300), np.int32)
    few[:10, :10], few[50:60, 50:60] = 70_000, 2**31 - 1
    np.save(tmp_path / "lab" / "a.npy", few)
    (sample,) = bring_in(tmp_path / "img", tmp_path / "other", labels=tmp_path / "lab")
    assert sorted(np.unique(sample.instances)) == [0, 1, 2]
    np.save(tmp_path / "lab" / "a.npy", np.arange(90_000, dtype=np.int32).reshape(300, 300))
    refused(tmp_path, r"0\.\.65535", labels=tmp_path / "lab")


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "YCbCr"])
def test_other_modes_become_rgb(tmp_path: Path, mode: str) -> None:
    suffix = {"CMYK": ".jpg", "YCbCr": ".jpg"}.get(mode, ".png")
    (tmp_path / "img").mkdir()
    Image.fromarray(PIXELS).convert(mode).save(tmp_path / "img" / f"a{suffix}")
    (sample,) = bring_in(tmp_path / "img", tmp_path / "store")
    assert sample.image.shape == (40, 40, 3)
    if mode == "RGBA":
        np.testing.assert_array_equal(sample.image, PIXELS)


@pytest.mark.parametrize("mode", ["I;16", "I", "F"])
def test_modes_whose_range_nobody_knows_are_refused(tmp_path: Path, mode: str) -> None:
    (tmp_path / "img").mkdir()
    Image.fromarray(PIXELS).convert("L").convert(mode).save(tmp_path / "img" / "a.tif")
    refused(tmp_path, "8-bit image")


@pytest.mark.parametrize("names", [("a.png", "a.jpg"), ("x/a.png", "x_a.png"), ("a.png", "a.PNG")])
def test_images_of_one_id_are_refused(tmp_path: Path, names: tuple[str, str]) -> None:
    for name in names:
        save(tmp_path / "img" / name)
    refused(tmp_path, "the same name")


def test_labels_of_one_stem_are_refused_and_so_are_images_where_labels_go_by_stem(tmp_path: Path) -> None:
    write_images(tmp_path, 2, prefix="a")
    np.save(tmp_path / "lab" / "a0.npy", np.ones((80, 80), np.int32))
    refused(tmp_path, "the same stem", labels=tmp_path / "lab")
    (tmp_path / "lab" / "a0.npy").unlink()
    save(tmp_path / "img" / "deeper" / "a0.png")
    refused(tmp_path, "images have the same stem", labels=tmp_path / "lab")


NAMES = [
    "ж組織🔬.png",
    "a b'c\"d$(e).png",
    "-rf.png",
    "new\nline.png",
    "paragraph\u2029separator\u0085.png",
    "a.b.c.png",
    "%s{0}[red].png",
]


def test_any_name_is_kept(tmp_path: Path) -> None:
    for index, name in enumerate(NAMES):
        save(tmp_path / "img" / name, tile(index, 40)[0])
    made = bring_in(tmp_path / "img", tmp_path / "store")
    again = verify_set(made.folder)
    assert sorted(again.ids) == sorted(name.removesuffix(".png") for name in NAMES)
    for sample in again:
        index = NAMES.index(f"{sample.id}.png")
        np.testing.assert_array_equal(sample.image, tile(index, 40)[0])


def test_captions_may_hold_any_line_separator(tmp_path: Path) -> None:
    save(tmp_path / "img" / "a.png")
    caption = "many\u2028nuclei\x0b in\x1ca\x85row\nand two"
    (tmp_path / "told.csv").write_text(f'file_name,caption\na.png,"{caption}"\n', encoding="utf-8")
    (sample,) = SyntheticSet(bring_in(tmp_path / "img", tmp_path / "store", table=tmp_path / "told.csv").folder)
    assert sample.caption == caption


def test_names_of_250_bytes_become_short_ids_of_their_own(tmp_path: Path) -> None:
    stems = ["x" * 245 + end for end in "ab"] + ["組" * 82]
    for index, stem in enumerate(stems):
        save(tmp_path / "img" / f"{stem}.png", tile(index, 40)[0])
        save(tmp_path / "lab" / f"{stem}.png", tile(index, 40, density=0.01)[1].astype(np.uint16))
    made = bring_in(tmp_path / "img", tmp_path / "store", labels=tmp_path / "lab")
    assert len(set(made.ids)) == 3
    assert max(len(name.encode()) for name in made.ids) <= 120
    assert [sample.group for sample in made] == sorted(stems)
    for sample, index in zip(made, (0, 1, 2), strict=True):
        np.testing.assert_array_equal(sample.image, tile(index, 40)[0])


@pytest.mark.parametrize(
    "name", ["../secret.png", "{root}/secret.png", "a/../../secret.png", "link.png", "nul\0.png", ".", "n" * 5000]
)
def test_a_table_cannot_name_files_outside_its_folder(tmp_path: Path, name: str) -> None:
    save(tmp_path / "secret.png")
    save(tmp_path / "img" / "a" / "b.png")
    name = name.format(root=tmp_path)
    (tmp_path / "told.csv").write_text(f"file_name,caption\n{name},look\n")
    refused(tmp_path, "Cannot find the file|not a file inside", table=tmp_path / "told.csv")


@pytest.mark.parametrize(
    ("y", "x"), [("²", "1"), ("-1", "1"), ("1.5", "1"), ("1", ""), ("9" * 5000, "1"), ("nan", "1")]
)
def test_places_that_are_no_whole_pixels_are_refused(tmp_path: Path, y: str, x: str) -> None:
    save(tmp_path / "img" / "a.png")
    (tmp_path / "told.csv").write_text(f"file_name,source,y,x\na.png,s,{y},{x}\n", encoding="utf-8")
    refused(tmp_path, "whole pixels", table=tmp_path / "told.csv")


def _outside(root: Path) -> None:
    save(root / "secret.png")
    (root / "img" / "link.png").symlink_to(root / "secret.png")


def _circle(root: Path) -> None:
    (root / "img" / "link.png").symlink_to(root / "img" / "link.png")


def _nowhere(root: Path) -> None:
    (root / "img" / "link.png").symlink_to(root / "img" / "gone.png")


@pytest.mark.parametrize("link", [_outside, _circle, _nowhere])
@pytest.mark.timeout(20)
def test_links_that_leave_the_folder_or_lead_nowhere_are_refused(tmp_path: Path, link: Callable[[Path], None]) -> None:
    save(tmp_path / "img" / "a.png")
    link(tmp_path)
    refused(tmp_path, r"link\.png|inside")


@pytest.mark.timeout(20)
def test_links_to_folders_are_passed_over(tmp_path: Path) -> None:
    save(tmp_path / "img" / "a.png")
    save(tmp_path / "elsewhere" / "b.png")
    (tmp_path / "img" / "up").symlink_to(tmp_path / "img", target_is_directory=True)
    (tmp_path / "img" / "out").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    assert bring_in(tmp_path / "img", tmp_path / "store").ids == ["a"]


def test_a_label_that_leaves_its_folder_is_refused(tmp_path: Path) -> None:
    save(tmp_path / "img" / "a.png")
    save(tmp_path / "secret.png", np.ones((40, 40), np.uint16))
    (tmp_path / "lab").mkdir()
    (tmp_path / "lab" / "a.png").symlink_to(tmp_path / "secret.png")
    refused(tmp_path, "inside", labels=tmp_path / "lab")


@pytest.mark.parametrize("target", ["gone.png", "a.png"])  # a.png is the link itself
def test_a_label_that_leads_nowhere_is_refused(tmp_path: Path, target: str) -> None:
    save(tmp_path / "img" / "a.png")
    (tmp_path / "lab").mkdir()
    (tmp_path / "lab" / "a.png").symlink_to(tmp_path / "lab" / target)
    refused(tmp_path, "Cannot find the file", labels=tmp_path / "lab")
