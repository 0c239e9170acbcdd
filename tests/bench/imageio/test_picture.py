"""Files of one image: every stored form has one rule, and what would have to be guessed is refused in words."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, features

from bench.errors import DataError
from bench.imageio import image_size, read_labelled_rgb, read_picture, read_rgb, write_png
from tests.bench.imageio.cmyk_profile import INK, cmyk_profile

RGB = np.random.default_rng(0).integers(0, 256, (5, 7, 3)).astype(np.uint8)
GREY = RGB[:, :, 0]
SMOOTH = np.add.outer(np.arange(48), np.arange(64))[..., None].repeat(3, 2).astype(np.uint8) + 60
HALF = np.where(np.arange(7)[None, :, None] < 4, 255, 0).astype(np.uint8).repeat(5, 0)
"""Alpha whose last three columns are transparent."""
WHITE_THERE = np.where(HALF == 255, RGB, 255)


def png(header: bytes, *chunks: tuple[bytes, bytes]) -> bytes:
    """Return a PNG with a header and other chunks, whatever they hold."""
    parts = [(b"IHDR", header), *chunks, (b"IEND", b"")]
    packed = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


def rows(values: np.ndarray) -> tuple[bytes, bytes]:
    """Return the data chunk of unfiltered rows of bytes."""
    return b"IDAT", zlib.compress(b"".join(b"\0" + bytes(row) for row in values))


def test_eight_bits_are_read_as_they_are(tmp_path: Path) -> None:
    for suffix in ("png", "bmp", "tif", "ppm"):
        Image.fromarray(RGB).save(tmp_path / f"a.{suffix}")
    Image.fromarray(RGB).save(tmp_path / "a.webp", lossless=True)
    (tmp_path / "A.JPG").write_bytes((tmp_path / "a.png").read_bytes())  # the content decides, not the name
    for path in sorted(tmp_path.iterdir()):
        picture = read_picture(path)
        np.testing.assert_array_equal(picture.rgb, RGB, err_msg=path.name)
        assert (picture.rule, picture.orientation) == ("RGB of 8 bits", 1)
        assert picture.rgb.flags.c_contiguous
        assert image_size(path) == (5, 7)


@pytest.mark.skipif(not features.check("jpg_2000"), reason="Pillow without JPEG 2000")
def test_lossless_jpeg_2000_is_read(tmp_path: Path) -> None:
    Image.fromarray(RGB).save(tmp_path / "a.jp2", irreversible=False)
    np.testing.assert_array_equal(read_rgb(tmp_path / "a.jp2"), RGB)


def test_grey_and_black_and_white_become_rgb(tmp_path: Path) -> None:
    Image.fromarray(GREY).save(tmp_path / "grey.png")
    Image.fromarray(GREY).save(tmp_path / "grey.bmp")
    for name in ("grey.png", "grey.bmp"):
        picture = read_picture(tmp_path / name)
        np.testing.assert_array_equal(picture.rgb, GREY[..., None].repeat(3, 2))
    assert read_picture(tmp_path / "grey.png").rule == "grey of 8 bits"
    Image.fromarray(GREY > 128).save(tmp_path / "bits.png")
    picture = read_picture(tmp_path / "bits.png")
    assert picture.rule == "black and white"
    np.testing.assert_array_equal(picture.rgb[..., 1], np.where(GREY > 128, 255, 0))
    # 2 bits: the levels 0..3 are spread over 0..255
    (tmp_path / "two.png").write_bytes(
        png(struct.pack(">IIBBBBB", 4, 1, 2, 0, 0, 0, 0), rows(np.array([[0b00011011]], np.uint8)))
    )
    assert read_rgb(tmp_path / "two.png")[0, :, 0].tolist() == [0, 85, 170, 255]


def test_opaque_alpha_is_dropped(tmp_path: Path) -> None:
    opaque = np.dstack([RGB, np.full((5, 7), 255, np.uint8)])
    for suffix in ("png", "tif"):
        Image.fromarray(opaque).save(tmp_path / f"a.{suffix}")
        picture = read_picture(tmp_path / f"a.{suffix}")
        np.testing.assert_array_equal(picture.rgb, RGB)
        assert picture.rule == "RGB of 8 bits, opaque alpha dropped"
    Image.fromarray(np.dstack([GREY, opaque[..., 3]])).save(tmp_path / "la.png")
    np.testing.assert_array_equal(read_rgb(tmp_path / "la.png"), GREY[..., None].repeat(3, 2))


def test_transparent_parts_become_white(tmp_path: Path) -> None:
    for suffix in ("png", "tif"):
        Image.fromarray(np.dstack([RGB, HALF])).save(tmp_path / f"a.{suffix}")
        picture = read_picture(tmp_path / f"a.{suffix}")
        np.testing.assert_array_equal(picture.rgb, WHITE_THERE)
        assert picture.rule == "RGB of 8 bits, transparent parts on white"
    Image.fromarray(np.dstack([GREY, HALF])).save(tmp_path / "la.png")
    np.testing.assert_array_equal(
        read_rgb(tmp_path / "la.png"), np.where(HALF == 255, GREY[..., None], 255).repeat(3, 2)
    )
    fifth = np.full((2, 2, 4), [100, 0, 200, 51], np.uint8)
    fifth[1, 1, 3] = 255
    Image.fromarray(fifth).save(tmp_path / "fifth.png")
    assert read_rgb(tmp_path / "fifth.png")[0, 0].tolist() == [224, 204, 244]  # a fifth of it and four of white


def test_a_transparent_colour_becomes_white(tmp_path: Path) -> None:
    colour = tuple(int(value) for value in RGB[2, 3])
    Image.fromarray(RGB).save(tmp_path / "rgb.png", transparency=colour)
    expected = RGB.copy()
    expected[2, 3] = 255
    np.testing.assert_array_equal(read_rgb(tmp_path / "rgb.png"), expected)
    Image.fromarray(GREY).save(tmp_path / "grey.png", transparency=int(GREY[0, 0]))
    assert read_rgb(tmp_path / "grey.png")[0, 0].tolist() == [255] * 3


@pytest.mark.parametrize("value", [0, 3, 128, 254])
def test_alpha_of_one_value_marks_nothing_and_is_dropped(tmp_path: Path, value: int) -> None:
    alpha = np.full((5, 7), value, np.uint8)
    for suffix in ("png", "tif"):
        Image.fromarray(np.dstack([RGB, alpha])).save(tmp_path / f"a.{suffix}")
        picture = read_picture(tmp_path / f"a.{suffix}")
        np.testing.assert_array_equal(picture.rgb, RGB)
        assert picture.rule == f"RGB of 8 bits, alpha of {value} everywhere dropped"


def test_an_image_of_one_transparent_colour_is_refused(tmp_path: Path) -> None:
    Image.new("RGBA", (7, 5), (0, 0, 0, 0)).save(tmp_path / "a.png")
    Image.new("LA", (7, 5), (200, 0)).save(tmp_path / "b.png")
    for name in ("a.png", "b.png"):
        with pytest.raises(DataError, match=rf"nothing to see in .*{name}"):
            read_rgb(tmp_path / name)


def test_palettes_are_looked_up(tmp_path: Path) -> None:
    palette = Image.fromarray(RGB).quantize(35)
    palette.save(tmp_path / "a.png")
    palette.save(tmp_path / "a.gif")
    palette.save(tmp_path / "a.bmp")
    palette.save(tmp_path / "a.tif")
    for suffix in ("png", "gif", "bmp", "tif"):
        picture = read_picture(tmp_path / f"a.{suffix}")
        np.testing.assert_array_equal(picture.rgb, RGB)
        assert picture.rule == "palette"
    palette.save(tmp_path / "one.png", transparency=3)
    index = np.asarray(palette)
    np.testing.assert_array_equal(read_rgb(tmp_path / "one.png"), np.where(index[..., None] == 3, 255, RGB))
    palette.save(tmp_path / "many.png", transparency=bytes([255] * 20 + [0] * 15))
    picture = read_picture(tmp_path / "many.png")
    np.testing.assert_array_equal(picture.rgb, np.where(index[..., None] >= 20, 255, RGB))
    assert picture.rule == "palette, transparent parts on white"


def test_cmyk_without_a_profile_is_inverted(tmp_path: Path) -> None:
    Image.fromarray(RGB).convert("CMYK").save(tmp_path / "a.tif")
    picture = read_picture(tmp_path / "a.tif")
    np.testing.assert_array_equal(picture.rgb, RGB)
    assert picture.rule == "CMYK"
    Image.fromarray(SMOOTH).convert("CMYK").save(tmp_path / "a.jpg", quality=100)
    assert np.abs(read_rgb(tmp_path / "a.jpg").astype(int) - SMOOTH).max() <= 3


def test_cmyk_with_a_profile_is_converted_by_it(tmp_path: Path) -> None:
    paper = np.zeros((4, 4, 4), np.uint8)
    paper[:, 2:, 0] = 255  # the right half is full of cyan, which this profile prints in a colour of its own
    for name in ("a.tif", "a.jpg"):
        Image.fromarray(paper, mode="CMYK").save(tmp_path / name, icc_profile=cmyk_profile())
        picture = read_picture(tmp_path / name)
        assert picture.rule == "CMYK, converted by its colour profile"
        np.testing.assert_allclose(picture.rgb[0, 0].astype(int), 255, atol=2)
        np.testing.assert_allclose(picture.rgb[0, 3].astype(int), INK, atol=3)
    Image.fromarray(paper, mode="CMYK").save(tmp_path / "b.tif", icc_profile=b"no profile")
    with pytest.raises(DataError, match=r"colour profile of the CMYK image"):
        read_rgb(tmp_path / "b.tif")


def test_ycbcr_becomes_rgb(tmp_path: Path) -> None:
    for name in ("a.jpg", "a.tif"):
        Image.fromarray(SMOOTH).convert("YCbCr").save(tmp_path / name)
        assert np.abs(read_rgb(tmp_path / name).astype(int) - SMOOTH).max() <= 3, name


def test_sixteen_bits_per_channel_keep_their_upper_eight(tmp_path: Path) -> None:
    deep = RGB.astype(np.uint16) * 256 + 17
    for suffix in ("png", "tif"):
        assert cv2.imwrite(str(tmp_path / f"a.{suffix}"), deep[:, :, ::-1])
        picture = read_picture(tmp_path / f"a.{suffix}")
        np.testing.assert_array_equal(picture.rgb, RGB)
        assert picture.rule == "RGB of 16 bits, upper 8 kept"
    with_alpha = np.dstack([deep[:, :, ::-1], HALF.astype(np.uint16) * 257])
    assert cv2.imwrite(str(tmp_path / "alpha.png"), with_alpha)
    picture = read_picture(tmp_path / "alpha.png")
    np.testing.assert_array_equal(picture.rgb, WHITE_THERE)
    assert picture.rule == "RGB of 16 bits, upper 8 kept, transparent parts on white"


@pytest.mark.parametrize("bits", [8, 10, 12, 14])
def test_fewer_bits_in_sixteen_are_not_read_as_black(tmp_path: Path, bits: int) -> None:
    deep = RGB.astype(np.uint16) << (bits - 8)
    for suffix in ("png", "tif"):
        assert cv2.imwrite(str(tmp_path / f"a.{suffix}"), deep)
        with pytest.raises(DataError, match=r"range of the values .*unknown.*no value above"):
            read_rgb(tmp_path / f"a.{suffix}")
    assert cv2.imwrite(str(tmp_path / "black.png"), deep * 0)
    assert not read_rgb(tmp_path / "black.png").any()


def test_a_pnm_is_scaled_by_the_range_that_it_states(tmp_path: Path) -> None:
    deep = (RGB.astype(np.uint16) << 4) + 15
    (tmp_path / "a.ppm").write_bytes(b"P6 7 5 4095\n" + deep.astype(">u2").tobytes())
    expected = np.rint(deep / 4095 * 255)
    assert np.abs(read_rgb(tmp_path / "a.ppm") - expected).max() <= 1


@pytest.mark.parametrize(
    ("name", "dtype"), [("a.tif", np.uint16), ("a.png", np.uint16), ("f.tif", np.float32), ("i.tif", np.int32)]
)
def test_one_deep_channel_is_refused(tmp_path: Path, name: str, dtype: type) -> None:
    Image.fromarray(np.full((4, 4), 30000, dtype)).save(tmp_path / name)
    with pytest.raises(DataError, match=rf"8-bit image in .*{name}"):
        read_rgb(tmp_path / name)


def test_lab_is_refused(tmp_path: Path) -> None:
    Image.merge("LAB", Image.fromarray(RGB).split()).save(tmp_path / "a.tif")
    with pytest.raises(DataError, match=r"mode LAB"):
        read_rgb(tmp_path / "a.tif")


@pytest.mark.parametrize("suffix", ["png", "gif", "webp"])
def test_animations_are_refused(tmp_path: Path, suffix: str) -> None:
    frames = [Image.fromarray(RGB), Image.fromarray(255 - RGB)]
    frames[0].save(tmp_path / f"a.{suffix}", save_all=True, append_images=frames[1:])
    with pytest.raises(DataError, match=r"animation; got: \w+ of 2 frames"):
        read_rgb(tmp_path / f"a.{suffix}")


def test_the_first_image_of_a_cameras_file_is_read(tmp_path: Path) -> None:
    pictures = [Image.fromarray(SMOOTH), Image.fromarray(255 - SMOOTH)]
    pictures[0].save(tmp_path / "a.jpg", format="MPO", save_all=True, append_images=pictures[1:], quality=95)
    assert np.abs(read_rgb(tmp_path / "a.jpg").astype(int) - SMOOTH).max() <= 4


def turned(array: np.ndarray, orientation: int) -> np.ndarray:
    """Return what is stored so that its tag turns it to `array`: rows and columns as the tag names them."""
    return {
        1: array,
        2: array[:, ::-1],
        3: array[::-1, ::-1],
        4: array[::-1],
        5: array.swapaxes(0, 1),
        6: array.swapaxes(0, 1)[::-1],
        7: array[::-1, ::-1].swapaxes(0, 1),
        8: array.swapaxes(0, 1)[:, ::-1],
    }[orientation]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["png", "webp"])
def test_orientation_is_applied(tmp_path: Path, orientation: int, suffix: str) -> None:
    exif = Image.Exif()
    exif[274] = orientation
    stored = Image.fromarray(np.ascontiguousarray(turned(RGB, orientation)))
    stored.save(tmp_path / f"a.{suffix}", exif=exif, lossless=True)
    picture = read_picture(tmp_path / f"a.{suffix}")
    np.testing.assert_array_equal(picture.rgb, RGB)
    assert picture.orientation == orientation
    assert image_size(tmp_path / f"a.{suffix}") == (5, 7)
    assert picture.rule.endswith("turned by its orientation tag") == (orientation != 1)


def test_orientation_of_a_jpeg_is_applied_and_nonsense_is_ignored(tmp_path: Path) -> None:
    exif = Image.Exif()
    for orientation, expected in ((6, np.rot90(SMOOTH, -1)), (3, SMOOTH[::-1, ::-1]), (0, SMOOTH), (99, SMOOTH)):
        exif[274] = orientation
        Image.fromarray(SMOOTH).save(tmp_path / "a.jpg", exif=exif, quality=95)
        assert np.abs(read_rgb(tmp_path / "a.jpg").astype(int) - expected).max() <= 4
        assert image_size(tmp_path / "a.jpg") == expected.shape[:2]
    Image.fromarray(SMOOTH).save(tmp_path / "b.jpg", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff\0\0")
    assert read_picture(tmp_path / "b.jpg").orientation == 1


def test_labels_beside_a_turned_image_fit_only_if_their_size_says_so(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[274] = 6
    Image.fromarray(np.ascontiguousarray(turned(RGB, 6))).save(tmp_path / "a.png", exif=exif)
    np.testing.assert_array_equal(read_labelled_rgb(tmp_path / "a.png", (5, 7)), RGB)
    for shape in ((7, 5), None):  # labels of the stored image; outlines
        with pytest.raises(DataError, match=r"before it is turned by its orientation tag; got: orientation 6"):
            read_labelled_rgb(tmp_path / "a.png", shape)
    square = RGB[:, :5]
    for orientation in (2, 3, 4, 5, 6, 7, 8):
        exif[274] = orientation
        Image.fromarray(square).save(tmp_path / "square.png", exif=exif)
        with pytest.raises(DataError, match=r"before it is turned"):
            read_labelled_rgb(tmp_path / "square.png", (5, 5))
    exif[274] = 1
    Image.fromarray(square).save(tmp_path / "square.png", exif=exif)
    np.testing.assert_array_equal(read_labelled_rgb(tmp_path / "square.png", (5, 5)), square)


def test_bombs_are_refused_before_they_are_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_png(tmp_path / "tile.png", RGB)
    Image.fromarray(RGB).save(tmp_path / "tile.tif")
    for limit in (20, 10):  # Pillow warns above its limit, raises above twice of it: 35 pixels
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
        for name in ("tile.png", "tile.tif"):
            with pytest.raises(DataError, match=rf"image .*{name} is too large"):
                read_rgb(tmp_path / name)
            if limit == 20:
                assert image_size(tmp_path / name) == (5, 7)  # nothing is decoded


@pytest.mark.parametrize("kind", ["truncated", "text", "absent", "no bytes", "no pixels", "a folder"])
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
        path.write_bytes(png(bytes(8) + b"\x08\x02\0\0\0"))
    elif kind == "a folder":
        path.mkdir()
    with pytest.raises(DataError, match=r"tile\.png"):
        read_rgb(path)


@pytest.mark.parametrize("suffix", ["jpg", "webp", "bmp", "tif", "gif"])
def test_truncated_files_are_refused(tmp_path: Path, suffix: str) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    content = io.BytesIO()
    Image.fromarray(noise).save(content, format={"jpg": "jpeg", "tif": "tiff"}.get(suffix, suffix))
    for share in (0.1, 0.6):
        (tmp_path / f"a.{suffix}").write_bytes(content.getvalue()[: int(len(content.getvalue()) * share)])
        with pytest.raises(DataError, match=rf"a\.{suffix}"):
            read_rgb(tmp_path / f"a.{suffix}")
