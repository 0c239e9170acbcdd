"""Targets: signs, the plain twin, nuclei at the border, small nuclei."""

import numpy as np
import pytest

from downstream.targets import make_targets, offset_maps
from tests.reference import hovernet as twin
from tests.toy import tile


def test_signs_and_order_of_the_channels() -> None:
    instances = np.zeros((40, 40), np.int32)
    instances[10:31, 5:36] = 1
    hv = make_targets(instances, (instances > 0).astype(np.uint8), 40, 0.25).hv
    assert hv[20, 6, 0] < 0 < hv[20, 34, 0]  # x: left negative, right positive
    assert hv[11, 20, 1] < 0 < hv[29, 20, 1]  # y: top negative, bottom positive
    assert hv[20, 5, 0] == -1
    assert hv[20, 35, 0] == 1
    assert not hv[instances == 0].any()
    # The release's bias: the centre of mass (20, 20) itself has offset + 1, divided by the largest, 16.
    assert hv[20, 20, 0] == pytest.approx(1 / 16)


@pytest.mark.parametrize("seed", range(4))
def test_agrees_with_one_nucleus_at_a_time(seed: int) -> None:
    _, instances, _ = tile(seed, 80, density=0.01)  # nuclei cut by all four borders among them
    window = instances[12:68, 12:68]
    expected = twin.offset_maps(instances, window, 30)
    np.testing.assert_allclose(offset_maps(instances, window, 30), expected, atol=1e-6)
    assert (expected != 0).any()


def test_nucleus_at_the_border_has_vectors() -> None:
    instances = np.zeros((32, 32), np.int32)
    instances[0:10, 0:10] = 7
    hv = make_targets(instances, (instances > 0).astype(np.uint8), 32, 0.25).hv
    assert hv[0, 0].tolist() == [-1, -1]
    assert hv[9, 9].tolist() == [1, 1]


def test_least_pixels_scale_with_the_resolution() -> None:
    instances = np.zeros((32, 32), np.int32)
    instances[10:14, 10:14] = 1  # 16 px: too small at 40x (30), large enough at 20x (8)
    types = (3 * instances).astype(np.uint8)
    at_40x, at_20x = (make_targets(instances, types, 32, mpp) for mpp in (0.25, 0.5))
    assert not at_40x.hv.any()
    assert at_20x.hv.any()
    assert at_40x.nucleus.sum() == 16
    assert (at_40x.types[instances > 0] == 3).all()


def test_vectors_of_a_cut_nucleus_are_those_of_the_whole() -> None:
    instances = np.zeros((64, 64), np.int32)
    instances[20:40, 4:28] = 1  # the window starts at column 16
    targets = make_targets(instances, (instances > 0).astype(np.uint8), 32, 0.25)
    assert targets.hv.shape == (32, 32, 2)
    assert targets.nucleus[10].sum() == 12
    assert (targets.hv[10, :12, 0] > 0).all()  # the whole nucleus's right half


def test_small_remnant_in_the_window_has_none() -> None:
    instances = np.zeros((64, 64), np.int32)
    instances[20:40, 4:17] = 1  # 20 px of it in the window
    targets = make_targets(instances, (instances > 0).astype(np.uint8), 32, 0.25)
    assert targets.nucleus.sum() == 20
    assert not targets.hv.any()
