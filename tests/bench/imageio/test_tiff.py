"""TIFF: which pages and samples are the image, in every arrangement that writers of pathology and microscopy use."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from bench.errors import DataError
from bench.imageio import image_size, read_picture, read_rgb
from tests.bench.imageio.test_picture import HALF, RGB, WHITE_THERE, turned

PLANES = np.ascontiguousarray(np.moveaxis(RGB, -1, 0))
GREY = RGB[..., 0]
DEEP = RGB.astype(np.uint16) * 256 + 99


def write(path: Path, array: np.ndarray, **options: Any) -> Path:
    tifffile.imwrite(path, array, **options)
    return path


@pytest.mark.parametrize(
    "options",
    [
        {"ome": True, "metadata": {"axes": "CYX"}, "photometric": "minisblack"},
        {"ome": True, "metadata": {"axes": "CYX", "Channel": {"Name": ["Red", "Green", "Blue"]}}},
        {"ome": True, "metadata": {"axes": "CYX", "Channel": {"Name": ["Channel:0:0", "Channel:0:1", "Channel:0:2"]}}},
        {"imagej": True},
        {"imagej": True, "metadata": {"axes": "CYX", "Labels": ["c:1/3", "c:2/3", "c:3/3"]}},
        {"metadata": {"axes": "CYX"}, "photometric": "minisblack"},
        {"ome": True, "metadata": {"axes": "CYX"}, "photometric": "minisblack", "compression": "zlib"},
        {"ome": True, "metadata": {"axes": "CYX"}, "photometric": "minisblack", "byteorder": ">", "bigtiff": True},
    ],
)
def test_pages_that_are_declared_channels_are_red_green_and_blue(tmp_path: Path, options: dict[str, Any]) -> None:
    path = write(tmp_path / "a.tif", PLANES, **options)
    picture = read_picture(path)
    np.testing.assert_array_equal(picture.rgb, RGB)
    assert picture.rule == "three pages of channels, 8 bits"
    assert image_size(path) == (5, 7)
    deep = write(tmp_path / "deep.tif", np.moveaxis(DEEP, -1, 0), **options)
    np.testing.assert_array_equal(read_rgb(deep), RGB)


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_deflate", "packbits"])
@pytest.mark.parametrize("orientation", [1, 6])
def test_compressed_channels_are_decoded_by_whatever_can(tmp_path: Path, compression: str, orientation: int) -> None:
    info = {270: "ImageJ=1.53t\nimages=3\nchannels=3\nhyperstack=true\nmode=composite\n", 274: orientation}
    for name, planes in (("8", PLANES), ("16", np.moveaxis(DEEP, -1, 0)), ("white", 255 - PLANES)):
        stored = np.moveaxis(turned(np.moveaxis(planes, 0, -1), orientation), -1, 0)
        pages = [Image.fromarray(np.ascontiguousarray(plane)) for plane in stored]
        path = tmp_path / f"{name}.tif"
        pages[0].save(path, compression=compression, tiffinfo=info, save_all=True, append_images=pages[1:])
        if name == "white":
            with tifffile.TiffFile(path, mode="r+") as file:
                for page in file.pages:
                    page.tags[262].overwrite(0)
        np.testing.assert_array_equal(read_rgb(path), RGB, err_msg=name)


def test_channels_without_a_page_each_are_found(tmp_path: Path) -> None:
    """ImageJ writes one page for large stacks, behind which the others lie."""
    path = write(tmp_path / "a.tif", PLANES, imagej=True, metadata={"axes": "CYX"})
    with tifffile.TiffFile(path, mode="r+") as file:
        next_page = file.pages.first.offset + 2 + 12 * len(file.pages.first.tags)
    data = bytearray(path.read_bytes())
    data[next_page : next_page + 4] = bytes(4)
    path.write_bytes(data)
    with Image.open(path) as image:
        assert image.n_frames == 1
    np.testing.assert_array_equal(read_rgb(path), RGB)


@pytest.mark.parametrize(
    ("array", "options", "found"),
    [
        (PLANES, {"photometric": "minisblack"}, "3 pages of one sample"),
        (PLANES, {"ome": True, "metadata": {"axes": "ZYX"}}, "3 slices"),
        (PLANES, {"imagej": True, "metadata": {"axes": "TYX"}}, "3 frames"),
        (PLANES[:2], {"ome": True, "metadata": {"axes": "CYX"}, "photometric": "minisblack"}, "2 channels"),
        (PLANES[[0, 1, 2, 0]], {"imagej": True, "metadata": {"axes": "CYX"}}, "4 channels"),
        (np.stack([PLANES, PLANES]), {"imagej": True, "metadata": {"axes": "ZCYX"}}, "axes ZCYX"),
        (PLANES, {"ome": True, "metadata": {"axes": "CYX", "Channel": {"Name": ["DAPI", "FITC", "Cy5"]}}}, "DAPI"),
        (PLANES, {"imagej": True, "metadata": {"axes": "CYX", "Labels": ["Hoechst", "CD3", "CD8"]}}, "Hoechst"),
    ],
)
def test_other_stacks_of_grey_pages_are_refused(tmp_path: Path, array: np.ndarray, options: dict, found: str) -> None:
    with pytest.raises(DataError, match=rf"nothing says that they are red, green and blue; got: .*{found}"):
        read_rgb(write(tmp_path / "a.tif", array, **options))


def test_channels_of_floats_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif", PLANES / np.float32(255), imagej=True, metadata={"axes": "CYX"})
    with pytest.raises(DataError, match=r"float32, whose range is unknown"):
        read_rgb(path)


@pytest.mark.parametrize(
    "options", [{}, {"compression": "zlib"}, {"byteorder": ">"}, {"tile": (16, 16)}, {"bigtiff": True}]
)
def test_planes_of_one_page_are_interleaved(tmp_path: Path, options: dict[str, Any]) -> None:
    separate = {"photometric": "rgb", "planarconfig": "separate", **options}
    np.testing.assert_array_equal(read_rgb(write(tmp_path / "a.tif", PLANES, **separate)), RGB)
    deep = np.ascontiguousarray(np.moveaxis(DEEP, -1, 0))
    np.testing.assert_array_equal(read_rgb(write(tmp_path / "deep.tif", deep, **separate)), RGB)


@pytest.mark.parametrize("layout", ["contig", "separate"])
def test_three_samples_without_a_colour_space_are_red_green_and_blue(tmp_path: Path, layout: str) -> None:
    array = RGB if layout == "contig" else PLANES
    picture = read_picture(write(tmp_path / "a.tif", array, photometric="minisblack", planarconfig=layout))
    np.testing.assert_array_equal(picture.rgb, RGB)
    assert picture.rule == "three samples without a colour space"


def test_sixteen_bits_keep_their_upper_eight_in_every_compression(tmp_path: Path) -> None:
    for options in ({}, {"compression": "zlib"}, {"compression": "zlib", "predictor": True}, {"byteorder": ">"}):
        np.testing.assert_array_equal(read_rgb(write(tmp_path / "a.tif", DEEP, photometric="rgb", **options)), RGB)
    alpha = np.dstack([DEEP, HALF.astype(np.uint16) * 257])
    path = write(tmp_path / "b.tif", alpha, photometric="rgb", extrasamples=["unassalpha"])
    np.testing.assert_array_equal(read_rgb(path), WHITE_THERE)


def test_bits_that_ome_states_are_used(tmp_path: Path) -> None:
    planes = np.moveaxis(RGB.astype(np.uint16) * 16 + 7, -1, 0)
    options = {"ome": True, "metadata": {"axes": "CYX", "SignificantBits": 12}, "photometric": "minisblack"}
    picture = read_picture(write(tmp_path / "a.tif", planes, **options))
    np.testing.assert_array_equal(picture.rgb, RGB)
    assert picture.rule == "three pages of channels, of 12 bits, upper 8 kept"
    with pytest.raises(DataError, match=r"range of the values .*12 bits per channel, but the value"):
        read_rgb(write(tmp_path / "b.tif", planes * 4, **options))


def test_white_is_zero_is_inverted(tmp_path: Path) -> None:
    picture = read_picture(write(tmp_path / "a.tif", GREY, photometric="miniswhite"))
    np.testing.assert_array_equal(picture.rgb, 255 - GREY[..., None].repeat(3, 2))
    path = write(tmp_path / "b.tif", PLANES, photometric="miniswhite", metadata={"axes": "CYX"})
    np.testing.assert_array_equal(read_rgb(path), 255 - RGB)
    Image.fromarray(GREY > 99).save(tmp_path / "c.tif", tiffinfo={262: 0}, compression="group4")
    np.testing.assert_array_equal(read_rgb(tmp_path / "c.tif")[..., 2], np.where(GREY > 99, 255, 0))


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int16, np.uint32, np.int8])
def test_values_of_other_types_are_refused(tmp_path: Path, dtype: type) -> None:
    with pytest.raises(DataError, match=rf"{np.dtype(dtype)}, whose range is unknown"):
        read_rgb(write(tmp_path / "a.tif", (RGB // 2).astype(dtype), photometric="rgb"))


def test_samples_that_are_no_colours(tmp_path: Path) -> None:
    five = np.dstack([RGB, RGB[..., :2]])
    path = write(tmp_path / "five.tif", five, photometric="rgb", extrasamples=["unspecified", "unspecified"])
    with pytest.raises(DataError, match=r"unknown which samples .* 5 samples"):
        read_rgb(path)
    two = {"photometric": "minisblack", "planarconfig": "contig"}
    with pytest.raises(DataError, match=r"unknown which samples .* 2 samples"):
        read_rgb(write(tmp_path / "two.tif", RGB[..., :2], extrasamples=["unspecified"], **two))
    grey = read_rgb(write(tmp_path / "la.tif", np.dstack([GREY, HALF]), extrasamples=["unassalpha"], **two))
    np.testing.assert_array_equal(grey, np.where(HALF == 255, GREY[..., None], 255).repeat(3, 2))
    cmyk = write(tmp_path / "cmyk.tif", np.dstack([DEEP, DEEP[..., :1]]), photometric="separated")
    with pytest.raises(DataError, match=r"unknown which samples"):
        read_rgb(cmyk)


def test_fourth_samples(tmp_path: Path) -> None:
    unused = np.dstack([RGB, GREY * 0])
    picture = read_picture(write(tmp_path / "a.tif", unused, photometric="rgb", extrasamples=["unspecified"]))
    np.testing.assert_array_equal(picture.rgb, RGB)
    assert picture.rule == "RGB of 8 bits, undeclared fourth sample dropped"
    # colours that were multiplied by alpha 128 before they were stored
    halved = np.dstack([np.full((5, 7, 3), [100, 50, 0], np.uint8), np.full((5, 7), 128, np.uint8)])
    halved[4, 6] = [9, 9, 9, 255]
    path = write(tmp_path / "b.tif", halved, photometric="rgb", extrasamples=["assocalpha"])
    np.testing.assert_allclose(read_rgb(path)[0, 0].astype(int), [227, 177, 127], atol=1)


def test_the_first_page_is_the_image_of_a_pyramid(tmp_path: Path) -> None:
    path = tmp_path / "sub.tif"
    with tifffile.TiffWriter(path) as file:
        file.write(RGB, photometric="rgb", subifds=1)
        file.write(255 - RGB[::2, ::2], photometric="rgb", subfiletype=1)
    np.testing.assert_array_equal(read_rgb(path), RGB)
    path = tmp_path / "pages.tif"
    with tifffile.TiffWriter(path) as file:
        file.write(RGB, photometric="rgb", metadata=None)
        file.write(255 - RGB[::2, ::2], photometric="rgb", metadata=None)  # a thumbnail that is not marked
        file.write(255 - RGB, photometric="rgb", subfiletype=1, metadata=None)  # marked as reduced, of the same size
        file.write(GREY, photometric="minisblack", metadata=None)  # a mask of the same size
    np.testing.assert_array_equal(read_rgb(path), RGB)


def test_pages_that_may_as_well_be_the_image_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"unknown which of them is the image; got: 2 pages"):
        read_rgb(write(tmp_path / "stack.tif", np.stack([RGB, 255 - RGB]), photometric="rgb"))
    with tifffile.TiffWriter(tmp_path / "thumbnail.tif") as file:
        file.write(RGB[::2, ::2], photometric="rgb", metadata=None)
        file.write(RGB, photometric="rgb", metadata=None)
    with pytest.raises(DataError, match=r"the first of 3 x 4 px, page 2 of 5 x 7 px"):
        read_rgb(tmp_path / "thumbnail.tif")


def test_the_first_page_of_a_slide_is_the_image_whatever_follows(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.svs") as file:
        for page in (RGB, 255 - RGB):  # the thumbnail of a small crop has its size
            file.write(page, photometric="rgb", metadata=None, description="Aperio Image Library\r\n7x5|MPP = 0.25")
    np.testing.assert_array_equal(read_rgb(tmp_path / "a.svs"), RGB)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied_once(tmp_path: Path, orientation: int) -> None:
    tag = {"extratags": [(274, "H", 1, orientation, True)]}
    stored = np.ascontiguousarray(turned(RGB, orientation))
    files = {
        "rgb": (stored, {"photometric": "rgb"}),
        "deflated": (stored, {"photometric": "rgb", "compression": "zlib"}),
        "grey": (stored[..., 0], {"photometric": "minisblack"}),
        "deep": (stored.astype(np.uint16) * 256, {"photometric": "rgb"}),
        "planar": (
            np.ascontiguousarray(np.moveaxis(stored, -1, 0)),
            {"photometric": "rgb", "planarconfig": "separate"},
        ),
        "channels": (np.moveaxis(stored, -1, 0), {"photometric": "minisblack", "metadata": {"axes": "CYX"}}),
    }
    for name, (array, options) in files.items():
        path = write(tmp_path / f"{name}.tif", array, **options, **tag)
        picture = read_picture(path)
        expected = RGB[..., :1].repeat(3, 2) if name == "grey" else RGB
        np.testing.assert_array_equal(picture.rgb, expected, err_msg=name)
        assert picture.orientation == orientation
        assert image_size(path) == (5, 7)
    for compression in ("tiff_lzw", "packbits"):
        Image.fromarray(stored).save(tmp_path / "a.tif", compression=compression, tiffinfo={274: orientation})
        np.testing.assert_array_equal(read_rgb(tmp_path / "a.tif"), RGB)


@pytest.mark.parametrize("share", [0.02, 0.3, 0.9])
def test_truncated_files_are_refused(tmp_path: Path, share: float) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (3, 64, 64)).astype(np.uint8)
    planes = {"photometric": "minisblack", "metadata": {"axes": "CYX"}, "compression": "zlib"}
    deep = {"photometric": "rgb", "compression": "zlib"}
    for name, array, options in (("planes", noise, planes), ("deep", np.moveaxis(noise, 0, -1) * np.uint16(256), deep)):
        path = write(tmp_path / f"{name}.tif", array, **options)
        whole = path.read_bytes()
        path.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(DataError, match=rf"{name}\.tif"):
            read_rgb(path)
