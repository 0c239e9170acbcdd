"""Intervals of rank agreement hold the truth as often as they say; in simulations."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from metrics.agreement import Agreement, rank_agreement

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
World = Callable[[np.random.Generator, int, float], np.ndarray]
N = 400
# Of 400 intervals that hold the truth in 95 %, the share that does so has a standard deviation of 1.1 %.
CHANCE = 0.022
LEAST = 0.92 - CHANCE


def gaussian(rng: np.random.Generator, n: int, tau: float) -> np.ndarray:
    """Two normal numbers of n arms with an agreement of tau."""
    rho = np.sin(np.pi * tau / 2)
    first = rng.standard_normal(n)
    return np.array([first, rho * first + np.sqrt(1 - rho**2) * rng.standard_normal(n)])


def heavy(rng: np.random.Generator, n: int, tau: float) -> np.ndarray:
    """Numbers with outliers in both at once, Student's t with three degrees of freedom."""
    return gaussian(rng, n, tau) * np.sqrt(3 / rng.chisquare(3, n))


def one_sided(rng: np.random.Generator, n: int, tau: float) -> np.ndarray:
    """Numbers that agree at the lower end only (Clayton): bad images are useless, good ones vary."""
    theta = 2 * tau / (1 - tau)
    u, v = rng.random((2, n))
    return np.array([u, v if theta == 0 else (u**-theta * (v ** (-theta / (1 + theta)) - 1) + 1) ** (-1 / theta)])


def judged(*worlds: np.ndarray, apart: bool = False) -> Agreement:
    """The agreement on one board a world; the arms of all boards are the same unless they are apart."""
    boards = []
    for place, values in enumerate(worlds):
        first = 1000 * place if apart else 0
        boards.append({str(first + i): (float(x), float(y)) for i, (x, y) in enumerate(values.T)})
    return rank_agreement(boards)


def covered(found: list[Agreement], truth: float) -> float:
    return float(np.mean([one.low <= truth <= one.high for one in found]))


@pytest.mark.parametrize("tau", [0.0, 0.3, 0.6, 0.9])
@pytest.mark.parametrize("n", [5, 8, 12, 20])
@pytest.mark.parametrize(
    "world", [gaussian, *(pytest.param(one, marks=pytest.mark.proof) for one in (heavy, one_sided))]
)
def test_one_board(world: World, n: int, tau: float) -> None:
    rng = np.random.default_rng([n, round(10 * tau)])
    found = [judged(world(rng, n, tau)) for _ in range(N)]
    assert covered(found, tau) >= LEAST
    # too wide rather than too narrow where arms are few or nearly in one order
    known = 2 * 1.96 * np.sqrt(2 * (2 * n + 5) / (9 * n * (n - 1)))  # of numbers without any agreement
    assert n < 12 or np.median([one.high - one.low for one in found]) <= 1.6 * known


@pytest.mark.parametrize("shared", [1.0, 0.5, 0.0])
@pytest.mark.parametrize("n", [5, 8, 12])
def test_the_same_arms_on_three_boards(n: int, shared: float) -> None:
    """Whatever part of the numbers of an arm is that of all boards."""
    rng = np.random.default_rng([n, round(10 * shared)])
    found = []
    for _ in range(N):
        common = gaussian(rng, n, 0.3)
        own = [gaussian(rng, n, 0.3) for _ in range(3)]
        found.append(judged(*(np.sqrt(shared) * common + np.sqrt(1 - shared) * one for one in own)))
    assert covered(found, 0.3) >= LEAST


@pytest.mark.parametrize("n", [5, 8])
def test_other_arms_on_three_boards(n: int) -> None:
    rng = np.random.default_rng(n)
    found = [judged(*(gaussian(rng, n, 0.3) for _ in range(3)), apart=True) for _ in range(N)]
    assert covered(found, 0.3) >= LEAST
    assert np.median([one.high - one.low for one in found]) <= {5: 1.4, 8: 1.0}[n]


@pytest.mark.parametrize("n", [5, 6, 8, 12])
def test_arms_without_agreement_are_seldom_found_to_agree(n: int) -> None:
    rng = np.random.default_rng(n)
    p = np.array([judged(heavy(rng, n, 0.0)).p for _ in range(1000)])
    assert np.mean(p < 0.05) <= 0.065
    assert np.mean(p < 0.01) <= 0.02
