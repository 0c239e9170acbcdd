"""Image files: RGB everywhere, clear errors."""

from __future__ import annotations

import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from bench.errors import DataError
from bench.imageio import read_instances, read_rgb, write_instances, write_png

RGB = np.random.default_rng(0).integers(0, 256, (5, 7, 3)).astype(np.uint8)


def test_round_trip_keeps_channel_order(tmp_path: Path) -> None:
    write_png(tmp_path / "a.png", RGB)
    np.testing.assert_array_equal(read_rgb(tmp_path / "a.png"), RGB)
    assert np.asarray(Image.open(tmp_path / "a.png"))[0, 0].tolist() == RGB[0, 0].tolist()
    assert not list(tmp_path.glob("*.tmp"))


def test_alpha_is_dropped_without_blending(tmp_path: Path) -> None:
    alpha = np.zeros((5, 7, 1), np.uint8)
    Image.fromarray(np.concatenate([RGB, alpha], axis=2)).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_rgb(tmp_path / "a.png"), RGB)


def test_grey_becomes_rgb(tmp_path: Path) -> None:
    Image.fromarray(RGB[:, :, 0]).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_rgb(tmp_path / "a.png"), np.repeat(RGB[:, :, :1], 3, axis=2))


@pytest.mark.parametrize(
    ("name", "mode", "options"),
    [
        ("a.png", "RGBA", {}),
        ("a.tif", "RGBA", {}),
        ("a.tif", "CMYK", {}),
        ("a.png", "P", {}),
        ("a.png", "P", {"transparency": bytes(range(35))}),
        ("a.png", "P", {"transparency": 3}),
        ("a.bmp", "RGB", {}),
    ],
)
def test_modes_that_hold_the_same_colours_read_the_same(tmp_path: Path, name: str, mode: str, options: dict) -> None:
    image = Image.fromarray(RGB)
    (image.quantize(35) if mode == "P" else image.convert(mode)).save(tmp_path / name, **options)
    with Image.open(tmp_path / name) as stored:
        assert stored.mode == mode
    np.testing.assert_array_equal(read_rgb(tmp_path / name), RGB)


@pytest.mark.parametrize("mode", ["1", "LA"])
def test_black_and_white_and_grey_with_alpha_become_rgb(tmp_path: Path, mode: str) -> None:
    Image.fromarray(RGB).convert(mode).save(tmp_path / "a.png")
    grey = np.asarray(Image.fromarray(RGB).convert(mode).convert("L"))
    np.testing.assert_array_equal(read_rgb(tmp_path / "a.png"), np.repeat(grey[:, :, None], 3, axis=2))


def test_sixteen_bits_a_channel_lose_the_lower_eight_and_one_channel_is_refused(tmp_path: Path) -> None:
    for name in ("a.png", "a.tif"):
        assert cv2.imwrite(str(tmp_path / name), RGB[:, :, ::-1].astype(np.uint16) * 256 + 17)
        np.testing.assert_array_equal(read_rgb(tmp_path / name), RGB)
    for name, dtype in (("grey.tif", np.uint16), ("float.tif", np.float32), ("int.tif", np.int32)):
        Image.fromarray(np.full((4, 4), 300, dtype)).save(tmp_path / name)
        with pytest.raises(DataError, match=rf"8-bit image in .*{name}"):
            read_rgb(tmp_path / name)


def test_lab_is_refused(tmp_path: Path) -> None:
    Image.merge("LAB", Image.fromarray(RGB).split()).save(tmp_path / "a.tif")
    with pytest.raises(DataError, match=r"mode LAB"):
        read_rgb(tmp_path / "a.tif")


def test_the_first_of_several_pages_is_read(tmp_path: Path) -> None:
    pages = [Image.fromarray(RGB), Image.fromarray(255 - RGB)]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    np.testing.assert_array_equal(read_rgb(tmp_path / "a.tif"), RGB)


def test_bombs_are_refused_before_they_are_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_png(tmp_path / "tile.png", RGB)
    for limit in (20, 10):  # Pillow warns above its limit, raises above twice of it: 35 pixels
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
        with pytest.raises(DataError, match=r"image .*tile\.png is too large"):
            read_rgb(tmp_path / "tile.png")


@pytest.mark.parametrize("kind", ["truncated", "text", "absent", "sixteen-bit", "no bytes", "no pixels"])
def test_unreadable_images_name_the_file(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "tile.png"
    if kind == "truncated":
        write_png(path, np.random.default_rng(1).integers(0, 256, (64, 64, 3)).astype(np.uint8))
        path.write_bytes(path.read_bytes()[:2000])
    elif kind == "text":
        path.write_text("not an image")
    elif kind == "no bytes":
        path.touch()
    elif kind == "no pixels":
        chunk = b"IHDR" + bytes(8) + b"\x08\x02\0\0\0"
        head = (13).to_bytes(4, "big") + chunk + zlib.crc32(chunk).to_bytes(4, "big")
        path.write_bytes(b"\x89PNG\r\n\x1a\n" + head)
    elif kind == "sixteen-bit":
        write_png(path, np.full((4, 4), 300, np.uint16))
    with pytest.raises(DataError, match=r"tile\.png"):
        read_rgb(path)


def test_instances_round_trip_to_the_last_id(tmp_path: Path) -> None:
    instances = np.array([[0, 1], [65535, 256]], np.int32)
    write_instances(tmp_path / "a.png", instances)
    read = read_instances(tmp_path / "a.png")
    assert read.dtype == np.int32
    np.testing.assert_array_equal(read, instances)
    with pytest.raises(DataError, match="65535"):
        write_instances(tmp_path / "b.png", instances + 1)


def test_instances_of_three_channels_are_refused(tmp_path: Path) -> None:
    write_png(tmp_path / "a.png", RGB)
    with pytest.raises(DataError, match="single-channel"):
        read_instances(tmp_path / "a.png")


def test_only_rgb_and_sixteen_bit_are_written(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="uint8"):
        write_png(tmp_path / "a.png", RGB.astype(np.float32))


def test_a_mask_or_pages_are_no_instances(tmp_path: Path) -> None:
    mask = np.zeros((6, 6), np.uint8)
    mask[2:4, 2:4] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    with pytest.raises(DataError, match=r"mask of the foreground"):
        read_instances(tmp_path / "mask.png")
    # 255 beside another id is an id
    mask[0, 0] = 7
    Image.fromarray(mask).save(tmp_path / "ids.png")
    assert read_instances(tmp_path / "ids.png").max() == 255
    page = Image.fromarray(np.ones((6, 6), np.uint16))
    page.save(tmp_path / "pages.tif", save_all=True, append_images=[page])
    with pytest.raises(DataError, match=r"2 pages"):
        read_instances(tmp_path / "pages.tif")
    with pytest.raises(DataError, match=r"no such file"):
        read_instances(tmp_path / "absent.png")
