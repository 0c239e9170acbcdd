"""Windows of tiles: spread evenly, the same again, and cut with their labels."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from bench.errors import DataError
from bench.stages.patches import Window, cut, random_windows
from tests import toy

TILES = toy.NucleiDataset(n_tiles=3, size=64)


def test_tiles_take_turns_at_seeded_places() -> None:
    windows = list(random_windows(TILES, range(3), 8, 32, seed=5))
    again = list(random_windows(TILES, range(3), 8, 32, seed=5))
    places = [(w.sample.id, w.y, w.x) for w in windows]
    assert places == [(w.sample.id, w.y, w.x) for w in again]
    assert sorted(sum(w.sample.id == name for w in windows) for name in TILES.ids) == [2, 3, 3]
    assert len({(y, x) for _, y, x in places}) > 6
    assert places != [(w.sample.id, w.y, w.x) for w in random_windows(TILES, range(3), 8, 32, seed=6)]
    with pytest.raises(DataError, match="at least 65 px"):
        list(random_windows(TILES, range(3), 1, 65, seed=0))


def test_labels_are_cut_with_the_image() -> None:
    sample = dataclasses.replace(TILES[0], ignore=TILES[0].image[..., 0] > 200)
    patch = cut(Window(sample, 10, 20, 32))
    inside = (slice(10, 42), slice(20, 52))
    np.testing.assert_array_equal(patch.image, sample.image[inside])
    np.testing.assert_array_equal(patch.ignore, sample.ignore[inside])
    assert sorted(np.unique(patch.instances)) == list(range(len(patch.types) + 1))
    assert 0 < len(patch.types) < len(sample.types)
    was = np.concatenate([[0], sample.types])[sample.instances[inside]]
    np.testing.assert_array_equal(np.concatenate([[0], patch.types])[patch.instances], was)
    np.testing.assert_array_equal(patch.instances > 0, sample.instances[inside] > 0)
