"""Label images: every type, byte order and compression round-trips, and what is not one plane of ids is refused."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile
from PIL import Image

from bench.errors import DataError
from bench.formats.labels import read_labels
from tests.toy_maps import contiguous, pair

_, IDS = pair(3, size=60, n=12)
SMALL = contiguous(IDS)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("kind", ["u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", "f2", "f4", "f8"])
def test_every_type_and_byte_order_of_tiff_round_trips(tmp_path, kind, order) -> None:
    for number, options in enumerate(
        ({}, {"compression": "zlib", "predictor": kind in ("u1", "u2", "i4")}, {"tile": (16, 32)})
    ):
        path = tmp_path / f"{number}.tif"
        tifffile.imwrite(path, SMALL.astype(order + kind), byteorder=order, **options)
        np.testing.assert_array_equal(read_labels(path).instances, SMALL)


@pytest.mark.parametrize("compression", ["tiff_lzw", "packbits", "tiff_deflate"])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.int32])
def test_files_of_pillow_come_back(tmp_path, kind, compression) -> None:
    Image.fromarray(SMALL.astype(kind)).save(tmp_path / "a.tif", compression=compression)
    np.testing.assert_array_equal(read_labels(tmp_path / "a.tif").instances, SMALL)


def test_pyramids_big_tiff_and_a_singleton_axis(tmp_path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif", bigtiff=True) as writer:
        writer.write(SMALL.astype(np.uint16), subifds=1)
        writer.write(SMALL[::2, ::2].astype(np.uint16), subfiletype=1)
    tifffile.imwrite(tmp_path / "b.tif", SMALL[None].astype(np.uint16), imagej=True)
    for name in ("a.tif", "b.tif"):
        np.testing.assert_array_equal(read_labels(tmp_path / name).instances, SMALL)


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_png_of_few_bits(tmp_path, bits) -> None:
    ids = np.minimum(SMALL, 2**bits - 1) * (SMALL == 1 if bits == 1 else 1)
    image = Image.fromarray(ids.astype(np.uint8))
    image.putpalette([7, 7, 7, *range(3 * (2**bits - 1))])
    image.save(tmp_path / "a.png", bits=bits)
    np.testing.assert_array_equal(read_labels(tmp_path / "a.png").instances, ids)


def grey_with_alpha(path):
    Image.fromarray(np.dstack([SMALL, np.full_like(SMALL, 255)]).astype(np.uint8), "LA").save(path / "a.png")


def save(array, name="a.png", **options):
    return lambda path: Image.fromarray(array).save(path / name, **options)


def tif(array, **options):
    return lambda path: tifffile.imwrite(path / "a.tif", array, **options)


def turned(path):
    tifffile.imwrite(path / "a.tif", SMALL.astype(np.uint16), extratags=[(274, "H", 1, 6, True)])


def two_images(path):
    with tifffile.TiffWriter(path / "a.tif") as writer:
        writer.write(SMALL.astype(np.uint16))
        writer.write(SMALL[:9].astype(np.uint16))


def other_format(path):
    Image.fromarray(SMALL.astype(np.uint8)).save(path / "a.bmp")
    (path / "a.bmp").rename(path / "a.png")


STACK = np.stack([SMALL, SMALL]).astype(np.uint16)
COLOURS = np.random.default_rng(0).integers(0, 256, (60, 60, 3)).astype(np.uint8)
WRONG = {
    "transparency": (grey_with_alpha, "with transparency", "first channel"),
    "equal channels": (save(np.dstack([SMALL] * 3).astype(np.uint8)), "three equal channels", "ids[..., 0]"),
    "colours": (save(COLOURS), "colours", "cannot be turned back"),
    "colours of tiff": (tif(COLOURS, photometric="rgb"), "colours", "cannot be turned back"),
    "colours by plane": (tif(np.moveaxis(COLOURS, 2, 0), photometric="rgb", planarconfig="separate"), "3", "channel"),
    "two channels": (tif(STACK, imagej=True, metadata={"axes": "CYX"}), "2 channels", "file of its own"),
    "two planes of ome": (tif(STACK, ome=True, metadata={"axes": "ZYX"}), "2 planes", "file of its own"),
    "two time points": (tif(STACK, imagej=True, metadata={"axes": "TYX"}), "2 time points", "file of its own"),
    "two images": (two_images, "2 images", "file of its own"),
    "white is zero": (tif(SMALL.astype(np.uint8), photometric="miniswhite"), "photometric 0", "black-is-zero"),
    "jpeg in tiff": (save(SMALL.astype(np.uint8), "a.tif", compression="jpeg"), "compression JPEG", "JPEG changes"),
    "turned": (turned, "orientation", "without this tag"),
    "another format": (other_format, "format BMP", "PNG"),
    "no tiff": (lambda path: (path / "a.tif").write_bytes(b"II*\0nothing"), "readable instance map", "write it again"),
    "no png": (lambda path: (path / "a.png").write_bytes(b"nothing"), "cannot identify", "write it again"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_not_one_plane_of_ids_is_refused_with_its_advice(tmp_path, name) -> None:
    make, got, fix = WRONG[name]
    make(tmp_path)
    path = next(tmp_path.iterdir())
    with pytest.raises(DataError, match=got) as caught:
        read_labels(path)
    assert str(path) in caught.value.message
    assert fix in caught.value.fix


def test_an_image_that_claims_an_enormous_size_is_not_read(tmp_path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", SMALL.astype(np.uint16), compression="zlib")
    with tifffile.TiffFile(tmp_path / "a.tif", mode="r+b") as file:
        for name in ("ImageWidth", "ImageLength"):
            file.pages.first.tags[name].overwrite(60_000)
    with pytest.raises(DataError, match="too large"):
        read_labels(tmp_path / "a.tif")
