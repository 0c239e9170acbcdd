"""Ids of any type of whole numbers keep their values, and marks that are no ids are refused with the right advice."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from bench.errors import DataError
from bench.formats.labels.ids import MOST_PIXELS, check_size, instance_ids

IDS = np.array([[0, 0, 7], [3, 3, 0], [100, 0, 2]])
KINDS = [order + kind for order in "<>" for kind in ("u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", "f2", "f4", "f8")]


@pytest.mark.parametrize("kind", KINDS)
def test_every_type_and_byte_order_keeps_its_values(kind) -> None:
    found = instance_ids(IDS.astype(kind), "a")
    assert found.dtype == np.int32
    np.testing.assert_array_equal(found, IDS)


@settings(deadline=None)
@given(arrays.arrays(np.int64, (3, 4), elements=st.integers(0, 2**31 - 1)), st.sampled_from(["<i8", ">u4", "<f8"]))
def test_no_id_changes(ids, kind) -> None:
    np.testing.assert_array_equal(instance_ids(ids.astype(kind), "a"), ids)


def filled(value, kind):
    return np.where(IDS == 0, value, IDS).astype(kind)


MARKS = {
    "-1 is background": (filled(-1, np.int16), r"-1 as background \(44% of the pixels\); 0 is absent", "ids == -1"),
    "-1 is a boundary": (np.where(IDS == 7, -1, IDS), "-1 in 1 pixels next to 0: boundaries", "ids == -1"),
    "-1 in uint32": (filled(2**32 - 1, np.uint32), "4294967295, which is -1 in 32 bits", "ids == 4294967295"),
    "-1 in uint64": (filled(2**64 - 1, np.uint64), "which is -1 in 64 bits", "ids == 18446744073709551615"),
    "NaN is background": (filled(np.nan, np.float32), "4 values are NaN or infinite", "nan_to_num"),
    "other signs": (-IDS, r"-100\.\.0", "relabel_sequential"),
    "hashes": (IDS * 2**40, r"0\.\.109951162777600", "relabel_sequential"),
    "probabilities": (IDS / 100, r"0\.07; .* pixels are fractional", "probabilities"),
    "maps of distances": (IDS / 50 - 1, "pixels are fractional", "nearest neighbours"),
    "interpolated": (IDS + 0.25, "pixels are fractional", "nearest neighbours"),
    "rounded": (np.where(IDS == 7, 2.0**25, 0).astype(np.float32), "33554432; float32", "32 bits"),
    "white in 8 bits": ((IDS > 0) * np.uint8(255), "only 0 and 255", "skimage.measure.label"),
    "white in 16 bits": ((IDS > 0) * np.uint16(65535), "only 0 and 65535", "skimage.measure.label"),
    "all white": (np.full((3, 3), 255, np.uint8), "only 255", "skimage.measure.label"),
    "logical": (np.eye(9, dtype=bool)[::2], r"logical values with \d separate parts", "skimage.measure.label"),
    "complex": (IDS * 1j, "complex", ""),
}


@pytest.mark.parametrize("name", MARKS)
def test_marks_that_are_no_ids_are_refused_with_their_advice(name) -> None:
    array, got, fix = MARKS[name]
    with pytest.raises(DataError, match=got) as caught:
        instance_ids(array, "folder/a.npy")
    assert "folder/a.npy" in caught.value.message
    assert fix in (caught.value.fix or "")


def test_a_logical_array_with_one_part_is_one_nucleus() -> None:
    one = np.zeros((4, 4), bool)
    one[1, 1] = one[2, 2] = True  # they touch at a corner
    np.testing.assert_array_equal(instance_ids(one, "a"), one)
    np.testing.assert_array_equal(instance_ids(one & False, "a"), 0)


def test_255_next_to_other_ids_is_an_id() -> None:
    assert instance_ids(np.array([[0, 255, 7]], np.uint8), "a").max() == 255


def test_sizes_are_checked_without_overflow() -> None:
    check_size((MOST_PIXELS,), "map")
    for shape in ((MOST_PIXELS, 2), (2**40, 2**40), (30_000, 30_000)):
        with pytest.raises(DataError, match="too large"):
            check_size(shape, "map")
