"""Ring weights, double blending, smoothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from skimage.morphology import disk

from methods.gradmix.blending import blend, ring_weights, smooth


def squares() -> tuple[np.ndarray, np.ndarray]:
    """Return the dilated 8 x 8 major and the 4 x 4 donor at its centre."""
    major = np.zeros((16, 16), bool)
    major[4:12, 4:12] = True
    donor = np.zeros((16, 16), bool)
    donor[6:10, 6:10] = True
    return ndimage.binary_dilation(major, iterations=2), donor


def test_ring_of_the_toy() -> None:
    major, donor = squares()
    assert major.sum() == 132
    assert int(132 / 2.3) == 57
    ring = major & ~donor
    assert ring.sum() == 116
    weights = ring_weights(donor, ring)
    assert sorted({round(float(value), 4) for value in weights[ring]}) == [0, 0.3333, 0.6667, 1]
    assert np.all(weights[donor] == 1)
    assert np.all(weights[~(major | donor)] == 0)
    assert weights[5, 7] == 1  # touches the donor
    assert weights[2, 7] == 0  # four pixels away


@pytest.mark.parametrize("ring", [np.zeros((5, 5), bool), np.eye(5, dtype=bool)])
def test_ring_without_width_divides_by_nothing(ring: np.ndarray) -> None:
    donor = np.zeros((5, 5), bool)
    donor[1:4, 1:4] = True
    weights = ring_weights(donor, ring & ~donor)
    assert np.isfinite(weights).all()
    assert set(np.unique(weights)) == {0, 1}


def test_blending_twice_is_one_minus_the_square() -> None:
    image, layer = np.full((1, 4, 3), 200, np.uint8), np.full((1, 4, 3), 100, np.uint8)
    mixed = blend(image, layer, np.array([[0, 1 / 3, 2 / 3, 1]]))
    # passes written out: F1 = layer w + F (1 - w), F2 = layer w + F1 (1 - w)
    expected = []
    for weight in (0, 1 / 3, 2 / 3, 1):
        first = 100 * weight + 200 * (1 - weight)
        expected.append(round(100 * weight + first * (1 - weight)))
    assert mixed[0, :, 0].tolist() == expected == [200, 144, 111, 100]


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000))
def test_smoothing_is_a_median_over_disks(seed: int) -> None:
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (23, 19, 3)).astype(np.uint8)
    ring = rng.random((23, 19)) < 0.3
    smoothed = image.copy()
    smooth(smoothed, ring, (1, 1, 5))
    for channel, radius in enumerate((1, 1, 5)):
        plane = image[..., channel]
        median = ndimage.median_filter(plane, footprint=disk(radius), mode="nearest")
        np.testing.assert_array_equal(smoothed[..., channel], np.where(ring, median, plane))
