"""Resampling: area for images, nearest for labels, nothing invented."""

from __future__ import annotations

import numpy as np
import pytest

from bench.contract import Sample
from bench.datasets.prepared.resample import resample
from bench.errors import DataError
from tests.toy import tile


def sample(size: int = 64, **changes: object) -> Sample:
    image, instances, types = tile(5, size, density=0.01)
    return Sample("s", image, "g", 0.25, instances, types, caption="c", **changes)


def test_images_are_means_over_areas() -> None:
    native = sample()
    half = resample(native, 0.5)
    blocks = native.image.reshape(32, 2, 32, 2, 3).astype(float).mean((1, 3))
    assert np.abs(half.image - blocks).max() <= 0.5
    assert half.mpp == 0.5
    assert (half.id, half.group, half.caption) == ("s", "g", "c")


@pytest.mark.parametrize("mpp", [0.5, 0.4, 1.0, 0.3])
def test_labels_are_never_mixed_and_types_stay_with_their_nucleus(mpp) -> None:
    native = sample(65)
    coarse = resample(native, mpp)
    n = len(coarse.types)
    assert sorted(set(np.unique(coarse.instances)) | {0}) == list(range(n + 1))
    native_classes = np.concatenate([[0], native.types])[native.instances]
    classes = np.concatenate([[0], coarse.types])[coarse.instances]
    height, width = coarse.instances.shape
    assert coarse.image.shape == (height, width, 3)
    assert abs(height - 65 * 0.25 / mpp) <= 0.5
    for y in range(height):
        row = int((y + 0.5) * 65 / height)
        columns = ((np.arange(width) + 0.5) * 65 / width).astype(int)
        np.testing.assert_array_equal(classes[y], native_classes[row, columns])


def test_nuclei_that_vanish_are_dropped_with_their_type() -> None:
    instances = np.zeros((8, 8), np.int32)
    instances[0, 0], instances[1:7, 3:7] = 1, 2  # the single pixel is not sampled at half size
    native = Sample("s", np.zeros((8, 8, 3), np.uint8), "g", 0.25, instances, np.array([3, 4], np.uint8))
    half = resample(native, 0.5)
    assert half.types.tolist() == [4]
    assert np.unique(half.instances).tolist() == [0, 1]


def test_ignored_pixels_and_samples_without_labels() -> None:
    ignore = np.zeros((64, 64), bool)
    ignore[:32] = True
    half = resample(sample(ignore=ignore), 0.5)
    assert half.ignore[:16].all()
    assert not half.ignore[16:].any()
    plain = resample(Sample("s", np.zeros((6, 4, 3), np.uint8), "g", 0.5, label=2), 1.0)
    assert plain.image.shape == (3, 2, 3)
    assert plain.instances is None
    assert plain.label == 2


def test_the_own_resolution_changes_nothing_and_a_finer_one_is_refused() -> None:
    native = sample()
    assert resample(native, 0.25) is native
    with pytest.raises(DataError, match=r"finer than the 0\.25.*got: 0\.2 um"):
        resample(native, 0.2)
