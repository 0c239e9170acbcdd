"""Real patches: of the size and resolution asked for, of different tiles first, and without overlap."""

from __future__ import annotations

from collections import Counter
from itertools import islice

import numpy as np
import pytest

from bench.datasets.prepared.resample import fit_square, resample
from bench.datasets.source import open_source
from bench.errors import DataError
from bench.scoring.real_patches import real_patches


def first(n: int, name: str) -> int:
    return 0


def test_tiles_take_turns_and_patches_do_not_overlap() -> None:
    source = open_source("phantom", None)  # tiles of 256 px at 0.25 um per pixel
    found = list(real_patches(source, "test", [3, 5], (64, 64), 0.5, first))
    assert [patch.id.partition("@")[0] for patch in found[:4]] == [source.ids("test")[i] for i in (3, 5, 3, 5)]
    assert len({patch.id for patch in found}) == len(found) == 8
    tile = resample(source.read("test", 3), 0.5).image
    parts = [patch.image for patch in found if patch.id.startswith(source.ids("test")[3])]
    assert Counter(part.shape for part in parts) == {(64, 64, 3): 4}
    assert sorted(part.tobytes() for part in parts) == sorted(
        np.ascontiguousarray(tile[y : y + 64, x : x + 64]).tobytes() for y in (0, 64) for x in (0, 64)
    )


def test_whole_images_are_fitted_once() -> None:
    source = open_source("phantom-tissue", None)
    found = list(real_patches(source, "test", [0, 1], (48, 48), 0.5, first))
    assert len(found) == 2
    assert np.array_equal(found[0].image, fit_square(source.read("test", 0), 48).image)
    assert found[0].label == source.card.labels[source.read("test", 0).label]


def test_tiles_that_are_too_small_are_refused() -> None:
    source = open_source("phantom", None)
    with pytest.raises(DataError, match="smaller than the sets' images"):
        list(islice(real_patches(source, "test", [0], (512, 512), 0.25, first), 1))
    with pytest.raises(DataError, match="not"):
        list(islice(real_patches(open_source("phantom-tissue", None), "test", [0], (48, 32), 0.5, first), 1))
