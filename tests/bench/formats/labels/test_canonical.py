"""Canonical labels: what is renumbered, what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from bench.errors import DataError
from bench.formats.labels.canonical import canonical_labels, centroids, contiguous

INSTANCES = np.array([[0, 7, 7], [0, 2, 7], [9, 9, 0]])
TYPES = np.array([[0, 1, 1], [0, 3, 1], [3, 3, 0]])


def test_ids_become_contiguous_in_their_order_and_types_follow() -> None:
    for dtype in (np.float64, np.int32, np.uint16):
        labels = canonical_labels(INSTANCES.astype(dtype), TYPES.astype(dtype), "t.mat")
        assert labels.instances.tolist() == [[0, 2, 2], [0, 1, 2], [3, 3, 0]]
        assert labels.types.tolist() == [3, 1, 3]
        assert labels.instances.dtype == np.int32
        assert labels.types.dtype == np.uint8


def test_a_tile_without_nuclei_is_no_error() -> None:
    labels = canonical_labels(np.zeros((4, 4)), np.zeros((4, 4)), "t.mat")
    assert labels.types.shape == (0,)
    assert centroids(labels.instances).shape == (0, 2)


def put(array: np.ndarray, value: float, at: tuple[int, int] = (0, 1)) -> np.ndarray:
    changed = array.astype(np.float64)
    changed[at] = value
    return changed


@pytest.mark.parametrize(
    ("instances", "types", "said"),
    [
        (put(INSTANCES, 7.5), TYPES, r"instance ids in t\.mat are not whole numbers.*7\.5"),
        (put(INSTANCES, np.nan), TYPES, "nan"),
        (put(INSTANCES, -1), TYPES, "-1"),
        (put(INSTANCES, 2.0**31), TYPES, "2147483648"),
        (INSTANCES, put(TYPES, 1.5), r"class ids in t\.mat are not whole numbers.*1\.5"),
        (INSTANCES, put(TYPES, 256), "256"),
        (INSTANCES, put(TYPES, 2), r"several classes in t\.mat.*\[1, 2\] in instance 7; 1 such"),
        (INSTANCES, put(TYPES, 0), r"several classes.*\[0, 1\]"),
        (INSTANCES, put(TYPES, 0, (1, 1)), "has no class.*no class for instance 2"),
        (INSTANCES, put(TYPES, 2, (0, 0)), "outside of nuclei are not 0.*class 2"),
        (INSTANCES[:2], TYPES, "differ in size"),
        (np.zeros((0, 0)), np.zeros((0, 0)), "empty"),
        (INSTANCES.astype(str), TYPES, "are not numbers"),
    ],
)
def test_odd_labels_are_refused_naming_the_file(instances, types, said) -> None:
    with pytest.raises(DataError, match=said) as caught:
        canonical_labels(instances, types, "t.mat")
    assert "t.mat" in str(caught.value)


@settings(max_examples=60, deadline=None)
@given(arrays(np.int32, (5, 6), elements=st.sampled_from([0, 0, 1, 2, 3, 40, 2_000_000])))
def test_renumbering_keeps_the_partition(ids: np.ndarray) -> None:
    renumbered, names = contiguous(ids)
    assert set(np.unique(renumbered)) | {0} == set(range(len(names) + 1))
    for new, old in enumerate(names, 1):
        np.testing.assert_array_equal(renumbered == new, ids == old)


def test_centroids_are_x_y_as_an_independent_library_has_them() -> None:
    instances, _ = contiguous(np.kron(INSTANCES, np.ones((3, 5))).astype(np.int32))
    expected = np.array(ndimage.center_of_mass(instances > 0, instances, [1, 2, 3]))[:, ::-1]
    np.testing.assert_allclose(centroids(instances), expected)
