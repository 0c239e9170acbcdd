"""Written images and instance maps come back, and maps of other kinds are refused."""

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
