"""What is shown is chosen by what samples show, and never at random."""

from __future__ import annotations

import numpy as np

from bench.contract import Sample
from bench.evaluation.pictures.choice import around, busiest_window, evenly, spread, worth


def sample(instances: np.ndarray, types: list[int]) -> Sample:
    image = np.zeros((*instances.shape, 3), np.uint8)
    return Sample("t", image, "g", 0.5, instances.astype(np.int32), np.array(types, np.uint8))


def test_one_of_each_stretch_and_the_one_that_shows_most() -> None:
    counts = [(0, 9), (1, 0), (0, 0), (0, 0), (0, 1), (0, 2)]
    worths = [worth(one, rare=(1,)) for one in counts]
    assert spread(worths, 3) == [1, 5]  # the rare class wins over nine nuclei; the second stretch is empty
    assert spread(worths, 99) == [0, 1, 4, 5]
    assert spread(worths, 0) == spread([], 4) == []


def test_evenly_spread_items_are_apart() -> None:
    assert evenly(list(range(10)), 3) == [1, 4, 8]
    assert evenly(["a"], 3) == ["a"]
    assert evenly([], 3) == []


def test_the_window_has_the_rare_nuclei_if_there_are_any() -> None:
    instances = np.zeros((64, 96), int)
    instances[:30, :40] = 1
    instances[50:54, 80:84] = 2
    y, x, height, width = busiest_window(sample(instances, [2, 1]), 32, rare=(1,))
    assert (height, width) == (32, 32)
    assert y <= 50
    assert y + 32 >= 54
    assert x <= 80
    assert x + 32 >= 84
    assert busiest_window(sample(instances, [2, 2]), 32, rare=(1,))[:2] == (0, 0)
    assert busiest_window(sample(instances, [2, 1]), 256, rare=(1,)) == (0, 0, 64, 96)


def test_a_window_around_a_point_stays_inside() -> None:
    assert around((32.0, 40.0), 10, (64, 96, 3)) == (27, 35, 10, 10)
    assert around((0.0, 95.0), 10, (64, 96, 3)) == (0, 86, 10, 10)
    assert around((0.0, 95.0), 80, (64, 96, 3)) == (0, 16, 64, 80)
