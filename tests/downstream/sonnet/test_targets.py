"""Ordinal targets: the plain twin, closed forms, nuclei that are cut by the border of a patch."""

import time

import numpy as np
import pytest

from downstream.sonnet.targets import make_targets, ordinal_map
from tests.reference import sonnet as twin
from tests.toy import tile


@pytest.mark.parametrize("margin", [0, 12])
def test_agrees_with_a_distance_transform_per_nucleus(margin: int) -> None:
    for seed in range(3):
        instances = tile(seed, 72, density=0.008)[1]
        window = instances[margin : 72 - margin, margin : 72 - margin]
        found = ordinal_map(instances, window, 7)
        np.testing.assert_array_equal(found, twin.ordinal_map(instances, window, 7))
        assert set(np.unique(found)) == set(range(9))


def test_nuclei_of_any_shape() -> None:
    """Rings and crescents, whose centre of mass lies outside, and nuclei of one pixel."""
    rows, columns = np.mgrid[:60, :60]
    distance = np.hypot(rows - 20, columns - 22)
    instances = np.zeros((60, 60), np.int32)
    instances[(distance < 12) & (distance > 6)] = 7
    instances[(np.hypot(rows - 45, columns - 40) < 12) & (np.hypot(rows - 45, columns - 47) > 11)] = 3
    instances[5, 50] = 9
    found = ordinal_map(instances, instances, 1)
    np.testing.assert_array_equal(found, twin.ordinal_map(instances, instances, 1))
    assert found[5, 50] == 8
    assert found[instances == 7].max() < 8  # nothing of the ring is near its centre


def test_labels_grow_towards_the_centre() -> None:
    rows, columns = np.mgrid[:101, :101]
    distance = np.hypot(rows - 50, columns - 50) / 40
    found = ordinal_map((distance <= 1).astype(np.int32), np.ones((101, 101), np.int32), 1)
    for label, (high, low) in enumerate(zip(twin.EDGES, twin.EDGES[1:], strict=False), start=1):
        assert (found[(distance > low + 1e-9) & (distance < high - 1e-9)] == label).all()
    assert found[50, 50] == 8
    assert found[50, 90] == 1
    assert (found[distance > 1] == 0).all()


def test_a_cut_nucleus_keeps_the_labels_of_the_whole() -> None:
    rows, columns = np.mgrid[:64, :64]
    instances = (np.hypot(rows - 32, columns - 16) <= 10).astype(np.int32) * 5
    types = (instances > 0).astype(np.uint8) * 2
    cut = make_targets(instances, types, 32, 0.25)  # the window begins in the middle of the nucleus
    whole = make_targets(instances, types, 64, 0.25)
    for one, other in zip(cut, whole, strict=True):
        np.testing.assert_array_equal(one, other[16:48, 16:48])
    assert cut.ordinal[16, 0] == 8
    assert cut.nucleus.dtype == cut.ordinal.dtype == cut.types.dtype == np.uint8


@pytest.mark.parametrize(("mpp", "has_labels"), [(0.25, False), (0.5, True)])
def test_specks_have_no_labels_at_the_published_resolution(mpp: float, has_labels: bool) -> None:
    instances = np.zeros((16, 16), np.int32)
    instances[4:6, 4:7] = 1  # 6 px
    found = make_targets(instances, instances.astype(np.uint8), 16, mpp)
    assert found.nucleus.sum() == 6
    assert (found.ordinal > 0).any() == has_labels


def test_background() -> None:
    nothing = np.zeros((16, 16), np.int32)
    assert not any(target.any() for target in make_targets(nothing, nothing.astype(np.uint8), 16, 0.5))


def test_is_fast() -> None:
    instances = tile(0, 270, density=0.004)[1]
    start = time.process_time()
    for _ in range(5):
        make_targets(instances, instances.astype(np.uint8), 76, 0.25)
    assert (time.process_time() - start) / 5 < 0.1  # with a distance transform of the patch per nucleus: seconds
