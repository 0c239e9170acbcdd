"""Tile inference: window arithmetic, and stitched maps equal to those of the whole image."""

import numpy as np
import pytest
from scipy import ndimage

from downstream.tiles import SEAM, Windows, cut, predict_maps, whole, window_count

KERNEL = np.random.default_rng(0).normal(size=(9, 9)).astype(np.float32)


def valid(windows: np.ndarray) -> np.ndarray:
    """A network of valid convolutions: 9 x 9, so 4 pixels are lost on each side."""
    full = np.stack([ndimage.correlate(w[..., 0].astype(np.float32), KERNEL, mode="constant") for w in windows])
    return full[:, None, 4:-4, 4:-4]


def same(windows: np.ndarray) -> np.ndarray:
    """A network that keeps the size, zero-padded: wrong within 4 pixels of the window's border."""
    return np.stack([ndimage.correlate(w[..., 0].astype(np.float32), KERNEL, mode="constant") for w in windows])[
        :, None
    ]


def image(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (height, width, 3), dtype=np.uint8)


def expected(picture: np.ndarray) -> np.ndarray:
    return ndimage.correlate(picture[..., 0].astype(np.float32), KERNEL, mode="mirror")


@pytest.mark.parametrize(("size", "output", "count"), [(256, 164, 49), (270, 80, 169), (540, 76, 196)])
def test_published_counts_of_windows(size: int, output: int, count: int) -> None:
    assert window_count(1000, 1000, size, output) == count


def test_padding_covers_the_axis_exactly() -> None:
    for length in range(1, 60):
        axis = Windows(length, 26, 10)
        before, after = axis.padding
        assert before == 8
        assert axis.starts[0] == 0
        assert axis.starts[-1] + 26 == before + length + after
        assert axis.starts[-1] < length <= axis.starts[-1] + 10


@pytest.mark.parametrize("shape", [(50, 37), (24, 24), (23, 25), (7, 48)])
@pytest.mark.parametrize("batch", [1, 3, 100])
def test_valid_network_equals_the_whole_image(shape: tuple[int, int], batch: int) -> None:
    picture = image(*shape)
    rows, columns = (Windows(length, 20, 12) for length in shape)
    stitched = predict_maps(picture, valid, rows, columns, batch)
    assert stitched.shape == (*shape, 1)
    np.testing.assert_allclose(stitched[..., 0], expected(picture), rtol=1e-4, atol=1e-2)


@pytest.mark.parametrize("largest", [16, 40, 1000])
def test_same_network_with_margin_equals_the_whole_image(largest: int) -> None:
    picture = image(53, 90)
    rows, columns = (whole(length, largest, 4, 8) for length in picture.shape[:2])
    assert rows.size % 8 == columns.size % 8 == 0
    stitched = predict_maps(picture, same, rows, columns, 2)
    np.testing.assert_allclose(stitched[..., 0], expected(picture), rtol=1e-4, atol=1e-2)


def test_output_larger_than_the_step_is_cropped_to_its_middle() -> None:
    picture = image(30, 30)
    axis = Windows(30, 24, 8)  # the network returns 16, the middle 8 are used
    stitched = predict_maps(picture, valid, axis, axis, 4)
    np.testing.assert_allclose(stitched[..., 0], expected(picture), rtol=1e-4, atol=1e-2)


def test_a_tile_within_the_largest_window_is_one_window() -> None:
    axis = whole(500, 1024, 16, 16)
    assert len(axis.starts) == 1
    assert axis.size == 544
    corners, windows = next(cut(image(500, 500), axis, axis, 8))
    assert corners == [(0, 0)]
    assert windows.shape == (1, 544, 544, 3)


@pytest.mark.parametrize(
    ("length", "count", "margin"), [(1000, 1, 16), (1024, 1, 16), (1025, 2, SEAM), (3000, 3, SEAM)]
)
def test_windows_that_meet_see_further(length: int, count: int, margin: int) -> None:
    axis = whole(length, 1024, 16, 16)
    assert (len(axis.starts), axis.margin) == (count, margin)
    assert axis.size % 16 == 0
