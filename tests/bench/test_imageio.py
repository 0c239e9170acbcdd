"""Image files: RGB everywhere, clear errors."""

from __future__ import annotations

from pathlib import Path

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


@pytest.mark.parametrize("kind", ["truncated", "text", "absent", "sixteen-bit"])
def test_unreadable_images_name_the_file(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "tile.png"
    if kind == "truncated":
        write_png(path, np.random.default_rng(1).integers(0, 256, (64, 64, 3)).astype(np.uint8))
        path.write_bytes(path.read_bytes()[:2000])
    elif kind == "text":
        path.write_text("not an image")
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
