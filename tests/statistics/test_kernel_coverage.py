"""Coverage of the kernel distance's interval, over slides and over slides and seeds."""

from __future__ import annotations

import pytest

from tests.statistics.kernel_worlds import World, coverage

FAST = [World(5, 8, 0.2, shift=0.3), World(8, 8, 0.5, spread=0.7, seeds=3)]
SIZES = [(5, 5), (5, 14), (8, 8), (14, 14), (8, 0)]
SLOW = [
    World(real, made, share, seeds=seeds, **generator)
    for share in (0.0, 0.2, 0.5)
    for real, made in SIZES
    for seeds in (1, 3)
    for generator in ({}, {"spread": 0.7}, {"shift": 0.3}, {"shift": 1.0})
]
# seeds of generation have luck of their own, which one seed cannot know
LUCKY = [World(real, made, 0.2, shift=0.3, seeds=3, luck=0.15) for real, made in SIZES]
# Every seventh is run by CI: those have all sizes, shares and generators.
WORLDS = [
    world if number % 7 == 0 else pytest.param(world, marks=pytest.mark.proof)
    for number, world in enumerate([*SLOW, *LUCKY])
]


@pytest.mark.parametrize("world", FAST, ids=str)
def test_coverage_is_near_nominal(world: World) -> None:
    assert 0.87 <= coverage(world, 100) <= 1.0


@pytest.mark.slow
@pytest.mark.parametrize("world", WORLDS, ids=str)
def test_coverage_is_within_three_points_of_nominal(world: World) -> None:
    trials = 1000
    # twice the standard error of a share of 1000 trials
    assert abs(coverage(world, trials) - 0.95) <= 0.03 + 0.014
