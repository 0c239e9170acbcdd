"""Sizes of comparisons: the power that they promise, in simulated scores, and searches that miss nothing."""

import math

import numpy as np
import pytest
from scipy import stats

from metrics.planning import MOST, Design, Spreads, detectable, groups_needed, standard_error, trainings_needed

TILES = Spreads(groups=0.02, training=0.01, generator=0.01)


def share_found(difference: float, spreads: Spreads, design: Design, n_sim: int = 5000) -> float:
    """Return how often two arms are told apart whose scores are simulated for each tile and training.

    Each training of the arm with a generator has one of its own if the design has as many generators as trainings.
    """
    rng = np.random.default_rng(0)
    n, k = int(design.groups), int(design.trainings)
    tiles = rng.normal(difference, spreads.groups, (n_sim, n))
    luck = rng.normal(0, spreads.training, (2, n_sim, k))
    if design.generators == k:
        luck[0] += rng.normal(0, spreads.generator, (n_sim, k))
    gain = tiles.mean(axis=1) + luck[0].mean(axis=1) - luck[1].mean(axis=1)
    of_tiles = tiles.var(axis=1, ddof=1) / n
    of_trainings = sum(arm.var(axis=1, ddof=1) for arm in luck) / k
    variance = of_tiles + of_trainings
    dof = variance**2 / (of_tiles**2 / (n - 1) + of_trainings**2 / (2 * (k - 1)))
    return float(np.mean(abs(gain) > stats.t.ppf(0.975, dof) * np.sqrt(variance)))


@pytest.mark.parametrize("design", [Design(14, 3), Design(14, 5), Design(25, 4), Design(8, 10), Design(50, 3)])
def test_the_detectable_difference_is_found_in_80_percent(design: Design) -> None:
    assert share_found(detectable(TILES, design), TILES, design) == pytest.approx(0.8, abs=0.03)


def test_as_many_trainings_as_needed_find_the_difference() -> None:
    k = trainings_needed(TILES, Design(14, 3), 0.022)
    assert k is not None
    assert share_found(0.022, TILES, Design(14, k, generators=k)) == pytest.approx(0.8, abs=0.03)


def test_the_sources_of_variance_add_up() -> None:
    se, dof = standard_error(TILES, Design(groups=16, trainings=2, generators=4, generated=2))
    groups, trainings, generators = 0.02**2 / 16, 2 * 0.01**2 / 2, 2 * 0.01**2 / 4
    assert se**2 == pytest.approx(groups + trainings + generators)
    assert dof == pytest.approx(se**4 / (groups**2 / 15 + trainings**2 / 2 + generators**2 / 6))


def test_what_is_trained_once_counts_as_known() -> None:
    once = Design(groups=14, trainings=1, generators=1)
    se, dof = standard_error(TILES, once)
    assert se**2 == pytest.approx(0.02**2 / 14 + 2 * 0.01**2 + 0.01**2)
    assert dof == pytest.approx(se**4 / ((0.02**2 / 14) ** 2 / 13))
    assert standard_error(TILES, Design(math.inf, 1, generators=1))[1] == math.inf


def test_more_trainings_do_not_reduce_the_luck_of_one_generator() -> None:
    assert detectable(TILES, Design(math.inf, math.inf, generators=1)) == pytest.approx(2.8016 * 0.01, abs=1e-5)
    assert detectable(TILES, Design(math.inf, math.inf, generators=1, generated=0)) == 0


@pytest.mark.parametrize("difference", [0.018, 0.022, 0.05, 0.2])
def test_the_fewest_trainings_and_groups_are_found(difference: float) -> None:
    design = Design(14, 5)
    trainings = next(k for k in range(2, MOST) if detectable(TILES, Design(14, k, k)) <= difference)
    groups = next(n for n in range(2, MOST) if detectable(TILES, Design(n, math.inf)) <= difference)
    assert trainings_needed(TILES, design, difference) == trainings_needed(TILES, design, -difference) == trainings
    assert groups_needed(TILES, difference) == groups


def test_there_is_no_number_if_the_groups_hide_the_difference() -> None:
    assert trainings_needed(TILES, Design(14, 5), 0.016) is None  # 14 tiles find .0162 at best
    assert groups_needed(TILES, 0.0001) is None
