"""The nine tissue classes differ, and by more than colour."""

from __future__ import annotations

import itertools

import cv2
import numpy as np
import pytest

from bench.datasets.phantom.config import PhantomConfig
from bench.datasets.phantom.tissue import TISSUE_CLASSES, draw_tissue, tissue_mpp
from bench.errors import DataError

CONFIG = PhantomConfig()


def test_order_is_nct_crc() -> None:
    assert TISSUE_CLASSES == ("ADI", "BACK", "DEB", "LYM", "MUC", "MUS", "NORM", "STR", "TUM")


def test_pure_function_of_its_arguments() -> None:
    image, caption = draw_tissue(0, "a", 3, 64, config=CONFIG)
    again, caption_again = draw_tissue(0, "a", 3, 64, config=CONFIG)
    np.testing.assert_array_equal(image, again)
    assert caption == caption_again
    assert (image != draw_tissue(1, "a", 3, 64, config=CONFIG)[0]).mean() > 0.3
    assert (image != draw_tissue(0, "b", 3, 64, config=CONFIG)[0]).mean() > 0.3


@pytest.mark.parametrize("size", [64, 168, 224])
def test_sizes_show_the_same_field(size: int) -> None:
    image, _ = draw_tissue(0, "a", 8, size, config=CONFIG)
    assert image.shape == (size, size, 3)
    assert image.dtype == np.uint8
    small = cv2.resize(image, (32, 32), interpolation=cv2.INTER_AREA).astype(float)
    reference, _ = draw_tissue(0, "a", 8, 96, config=CONFIG)
    expected = cv2.resize(reference, (32, 32), interpolation=cv2.INTER_AREA).astype(float)
    assert np.abs(small - expected).mean() < 3
    assert tissue_mpp(size) * size == pytest.approx(84)


def test_a_smaller_field_shows_larger_nuclei() -> None:
    wide, _ = draw_tissue(0, "a", 3, 112, config=CONFIG)
    near, _ = draw_tissue(0, "a", 3, 112, config=CONFIG, field=28.0)
    sharp = [np.abs(np.diff(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(float))).mean() for image in (wide, near)]
    assert sharp[1] < 0.8 * sharp[0]
    with pytest.raises(DataError, match=r"32\.\.112 px"):
        draw_tissue(0, "a", 3, 113, config=CONFIG, field=28.0)


@pytest.mark.parametrize(("label", "size"), [(-1, 64), (9, 64), (0, 8), (0, 1000)])
def test_out_of_range(label: int, size: int) -> None:
    with pytest.raises(DataError, match=r"The (tissue label|size) given to draw_tissue"):
        draw_tissue(0, "a", label, size, config=CONFIG)


def looks(image: np.ndarray) -> np.ndarray:
    """Texture without colour: brightness is scaled to mean 0 and standard deviation 1 first."""
    gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    gray = (gray - gray.mean()) / max(float(gray.std()), 4.0)
    blurred = [gray, *(cv2.GaussianBlur(gray, (0, 0), sigma) for sigma in (1, 2, 4, 8))]
    bands = [float(np.log((a - b).std() + 1e-3)) for a, b in itertools.pairwise(blurred)]
    gy, gx = np.gradient(blurred[1])
    tensor = np.array([[np.mean(gx * gx), np.mean(gx * gy)], [np.mean(gx * gy), np.mean(gy * gy)]])
    values = np.linalg.eigvalsh(tensor)
    order = float((values[1] - values[0]) / (values.sum() + 1e-6))
    skew = float(np.mean(gray**3))
    return np.array([*bands, 3 * order, skew])


def test_classes_can_be_told_without_colour() -> None:
    """Nearest class mean over five texture numbers, on slides that were not seen, beats guessing three times over."""
    features = np.array(
        [[looks(draw_tissue(i, f"s{i}", label, 112, config=CONFIG)[0]) for i in range(4)] for label in range(9)]
    )
    flat = features.reshape(-1, features.shape[-1])
    features = (features - flat.mean(axis=0)) / flat.std(axis=0)
    centres = features[:, :2].mean(axis=1)
    distance = np.linalg.norm(features[:, 2:, None] - centres, axis=-1)
    correct = distance.argmin(axis=-1) == np.arange(9)[:, None]
    assert correct.mean() > 3 / 9
