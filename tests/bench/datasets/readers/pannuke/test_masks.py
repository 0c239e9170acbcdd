"""Six channels to one map: ids, classes, overlaps, and channels in another order."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from bench.datasets.readers.pannuke.masks import merge_channels
from bench.errors import DataError
from bench.formats.labels.canonical import canonical_labels


def blank(size: int = 20) -> np.ndarray:
    masks = np.zeros((size, size, 6))
    masks[..., 5] = 1
    return masks


def put(masks: np.ndarray, channel: int, index: float, rows: slice, columns: slice) -> None:
    masks[rows, columns, channel] = index
    masks[rows, columns, 5] = 0


def test_t16_ids_of_different_channels_that_are_equal_stay_different_nuclei() -> None:
    masks = blank()
    for channel in range(5):
        put(masks, channel, 1.0, slice(4 * channel, 4 * channel + 2), slice(0, 5))
        put(masks, channel, 9.0, slice(4 * channel, 4 * channel + 2), slice(10, 15))
    labels = merge_channels(masks, "a")
    assert labels.types.tolist() == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    assert np.bincount(labels.instances.ravel())[1:].tolist() == [10] * 10
    assert labels.instances.dtype == np.int32
    assert labels.instances[5, 12] == 4  # the second of channel 1


def test_later_channels_win_a_cut_nucleus_stays_one_and_a_covered_one_vanishes() -> None:
    masks = blank()
    put(masks, 0, 1, slice(5, 7), slice(0, 15))  # cut in two by the next
    put(masks, 0, 2, slice(12, 14), slice(3, 5))  # covered altogether
    put(masks, 0, 3, slice(18, 19), slice(0, 3))
    put(masks, 3, 1, slice(4, 8), slice(6, 9))
    put(masks, 4, 1, slice(11, 15), slice(2, 6))
    labels = merge_channels(masks, "a")
    assert labels.types.tolist() == [1, 1, 4, 5]
    assert (labels.instances == 1).sum() == 24
    assert labels.instances[5, 0] == labels.instances[5, 14] == 1
    assert labels.instances[5, 7] == 3
    assert labels.instances[13, 4] == 4


@settings(max_examples=50, deadline=None)
@given(arrays(np.int64, (6, 6, 5), elements=st.integers(0, 4)))
def test_any_masks_become_canonical_and_the_last_channel_decides(foreground) -> None:
    areas = [np.bincount(foreground[..., channel].ravel())[1:].max(initial=0) for channel in range(5)]
    masks = np.concatenate([foreground, np.zeros((6, 6, 1))], axis=2)
    if max(areas) > 18:
        with pytest.raises(DataError):
            merge_channels(masks, "a")
        return
    labels = merge_channels(masks, "a")
    kinds = np.concatenate([[0], labels.types])[labels.instances]
    again = canonical_labels(labels.instances, kinds, "a")
    np.testing.assert_array_equal(again.instances, labels.instances)
    np.testing.assert_array_equal(again.types, labels.types)
    for row, column in np.ndindex(6, 6):
        present = np.flatnonzero(foreground[row, column])
        assert kinds[row, column] == (present[-1] + 1 if len(present) else 0)


def test_empty_masks_with_and_without_background_hold_no_nucleus() -> None:
    for masks in (blank(), np.zeros((20, 20, 6))):
        labels = merge_channels(masks, "a")
        assert not labels.instances.any()
        assert labels.types.shape == (0,)


@pytest.mark.parametrize("value", [0.5, -1.0, np.nan])
def test_t08_fractional_negative_and_undefined_ids_are_refused(value) -> None:
    masks = blank()
    masks[0, 0, 2] = value
    with pytest.raises(DataError, match="instance ids in a"):
        merge_channels(masks, "a")


@pytest.mark.parametrize("dense", [True, False])
@pytest.mark.parametrize("order", [[5, 1, 2, 3, 4, 0], [5, 0, 1, 2, 3, 4]])
def test_t36_background_in_another_channel_is_refused(order, dense) -> None:
    masks = blank()
    for index in range(10 if dense else 1):  # dense: background on less than half of the patch
        put(masks, 0, index + 1, slice(2 * index, 2 * index + 2), slice(0, 18))
        put(masks, 4, index + 1, slice(2 * index, 2 * index + 2), slice(18, 20))
    assert len(merge_channels(masks, "a").types) == (20 if dense else 2)
    with pytest.raises(DataError, match="background") as caught:
        merge_channels(masks[..., order], "a")
    assert "fold_1.zip" in caught.value.fix
