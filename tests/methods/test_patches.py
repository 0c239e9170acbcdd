"""The grid of crops and how labels are cut."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.errors import DataError
from methods import patches
from tests import toy


def test_grid_of_published_size() -> None:
    assert patches.grid_offsets(1000, 256) == [0, 83, 165, 248, 331, 413, 496, 579, 661, 744]


def test_grid_offsets_are_distinct() -> None:
    assert patches.grid_offsets(64, 64) == [0]
    assert patches.grid_offsets(67, 64) == [0, 1, 2, 3]


@pytest.mark.parametrize("n", [1, 3, 4, 10, 400, 450])
def test_crops_are_spread_evenly(n: int) -> None:
    drawn = patches.grid_crops(toy.NucleiDataset(4, 96), 64, n, np.random.default_rng(0))
    assert len(drawn) == n
    tiles = Counter(crop.tile for crop in drawn)
    assert max(tiles.values()) - min(tiles[index] for index in range(4)) <= 1
    assert max(Counter(drawn).values()) == (1 if n <= 400 else 2)
    assert drawn == sorted(drawn)


def test_crops_follow_the_seed() -> None:
    dataset = toy.NucleiDataset(4, 96)
    first, again, other = (patches.grid_crops(dataset, 64, 9, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_tiles_smaller_than_the_patch_are_refused() -> None:
    with pytest.raises(DataError, match="48 x 48 in train-0-0"):
        patches.grid_crops(toy.NucleiDataset(2, 48), 64, 2, np.random.default_rng(0))


def test_no_tiles() -> None:
    with pytest.raises(DataError, match="no tiles to cut"):
        patches.grid_crops(toy.NucleiDataset(0), 64, 2, np.random.default_rng(0))


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 50), y=st.integers(0, 32), x=st.integers(0, 32), min_area=st.sampled_from([0, 5, 20]))
def test_cut_labels_agree_with_the_slow_way(seed: int, y: int, x: int, min_area: int) -> None:
    _, instances, types = toy.tile(seed, 64)
    cut, kinds = patches.crop_labels(instances, types, y, x, 32, min_area=min_area)
    expected = np.zeros((32, 32), np.int32)
    expected_types = []
    for old in range(1, len(types) + 1):
        mask = instances[y : y + 32, x : x + 32] == old
        whole = (instances == old).sum() == mask.sum()
        if mask.any() and (whole or mask.sum() >= min_area):
            expected_types.append(types[old - 1])
            expected[mask] = len(expected_types)
    np.testing.assert_array_equal(cut, expected)
    assert kinds.tolist() == expected_types
    assert cut.dtype == np.int32
    assert kinds.dtype == np.uint8


def test_small_whole_nucleus_survives_where_a_fragment_does_not() -> None:
    instances = np.zeros((20, 20), np.int32)
    instances[4:6, 4:6] = 1
    instances[0:12, 9:14] = 2
    types = np.array([1, 3], np.uint8)
    cut, kinds = patches.crop_labels(instances, types, 0, 0, 10, min_area=11)
    assert kinds.tolist() == [1]
    assert cut.sum() == 4
    assert patches.crop_labels(instances, types, 0, 0, 10, min_area=10)[1].tolist() == [1, 3]


@pytest.mark.parametrize(("y", "x"), [(-1, 0), (0, 33), (40, 0)])
def test_windows_outside_are_refused(y: int, x: int) -> None:
    image, instances, types = toy.tile(0, 64)
    with pytest.raises(DataError, match="window must be inside"):
        patches.crop_labels(instances, types, y, x, 32)
    with pytest.raises(DataError, match="window must be inside"):
        patches.crop_image(image, y, x, 32)


def test_image_window_is_a_copy() -> None:
    image, _, _ = toy.tile(0, 64)
    window = patches.crop_image(image, 3, 5, 32)
    np.testing.assert_array_equal(window, image[3:35, 5:37])
    assert not np.shares_memory(window, image)


def test_vanished_ids_are_dropped() -> None:
    instances = np.array([[0, 5], [2, 5]], np.int32)
    left, types = patches.drop_vanished(instances, np.array([1, 2, 3, 4, 3], np.uint8))
    np.testing.assert_array_equal(left, [[0, 2], [1, 2]])
    assert types.tolist() == [2, 3]


def test_labels_are_required() -> None:
    sample = replace(toy.NucleiDataset(1)[0], instances=None)
    with pytest.raises(DataError, match="train-0-0"):
        patches.labels_of(sample)


def test_tissue_datasets_are_refused() -> None:
    class Tissue(toy.NucleiDataset):
        @property
        def info(self):
            return replace(super().info, task="tissue")

    with pytest.raises(DataError, match="nuclei dataset"):
        patches.require_nuclei(Tissue(1))
