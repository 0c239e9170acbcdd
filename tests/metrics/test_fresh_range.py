"""Floors compared like with like: fresh slides lie in the range, noise above it, copies of the slides below it."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from scipy.stats import chi2

from metrics.frechet import frechet_distance
from metrics.fresh_range import _chi2_quantile, fresh_range
from metrics.kernel_groups import grouped_kernel_distance
from metrics.matched import matched_draws, number_of_slides
from metrics.slide_spread import slide_spread

D, N, DRAWS = 8, 96, 20


def generators(n: int) -> list[np.random.Generator]:
    return [np.random.default_rng(seed) for seed in range(n)]


def names(n_slides: int, per_slide: int, prefix: str = "slide") -> list[str]:
    return [f"{prefix}-{i}" for i in range(n_slides) for _ in range(per_slide)]


def test_samples_of_a_draw_are_of_equal_size_and_of_other_slides() -> None:
    real, made = names(6, 10), names(2, 30, "new")
    found = matched_draws(real, made, 20, rngs=generators(5))
    assert found is not None
    assert (found.n, found.slides, found.of_half, found.of_other, found.of_set) == (20, 6, 3, 2, 2)
    for draw in found.draws:
        assert {len(rows) for rows in draw} == {20}
        halves = [{real[row] for row in rows} for rows in (draw.half, draw.other)]
        assert not halves[0] & halves[1]
        assert len(halves[1]) <= 2
    again = matched_draws(real, made, 20, rngs=generators(5))
    assert again is not None
    assert all(np.array_equal(a, b) for a, b in zip(found.draws, again.draws, strict=True))


def test_images_made_of_slides_of_the_half_are_compared_with_it() -> None:
    real = made = names(6, 10)
    found = matched_draws(real, made, 20, rngs=generators(5))
    assert found is not None
    for draw in found.draws:
        assert {made[row] for row in draw.made} <= {real[row] for row in draw.half}


def test_a_set_without_slides_is_compared_whole() -> None:
    made = [str(i) for i in range(40)]
    assert number_of_slides(made) == 0
    found = matched_draws(names(6, 10), made, 30, rngs=generators(3))
    assert found is not None
    assert (found.n, found.of_other, found.of_set) == (30, 3, 0)


def test_one_slide_has_no_draws_and_three_have_no_range() -> None:
    assert matched_draws(["a", "a"], ["x", "y"], 2, rngs=generators(2)) is None
    three = matched_draws(names(3, 10), names(3, 10, "new"), 9, rngs=generators(4))
    assert three is not None
    assert fresh_range([1.0, 2.0, 1.5, 1.2], three) is None


def test_the_range_widens_with_fewer_slides_and_begins_lower_without_slides() -> None:
    floors = [2.0, 3.0, 4.0, 3.0, 2.5, 3.5]
    ranges = {}
    for n_slides in (4, 8, 16):
        design = matched_draws(names(n_slides, 12), names(n_slides, 12, "new"), 9, rngs=generators(6))
        assert design is not None
        ranges[n_slides] = fresh_range(floors, design)
    assert ranges[4].high > ranges[8].high > ranges[16].high > 3
    alone = matched_draws(names(8, 12), [str(i) for i in range(96)], 9, rngs=generators(6))
    assert alone is not None
    assert fresh_range(floors, alone, within=1.0).low == pytest.approx(fresh_range(floors, alone).low - 1)


def world(rng: np.random.Generator, n_slides: int, n: int, share: float = 0.2, spread: float = 1.0) -> np.ndarray:
    """Return `n` patches of slides that differ by `share` of the variance; `spread` scales variation within slides."""
    scales = 1 / np.sqrt(np.arange(1, D + 1))
    centres = share**0.5 * rng.normal(size=(n_slides, D)) * scales
    within = spread * (1 - share) ** 0.5 * rng.normal(size=(n, D)) * scales
    return centres.repeat(n // n_slides, 0) + within


@cache
def standings(kind: str, arm: str, trials: int = 40) -> dict[str, float]:
    """Return how often a set of eight slides lies below, on or above the range, and below 1 in variation."""
    places = {"below": 0.0, "on": 0.0, "above": 0.0, "loses": 0.0}
    of_real, of_made = names(8, 36), names(8, 24, "slide" if arm == "copy" else "new")
    for trial in range(trials):
        rng = np.random.default_rng(trial)
        real = world(rng, 8, 288)
        made = real.reshape(8, 36, D)[:, :24].reshape(-1, D) if arm == "copy" else world(rng, 8, 192)
        if arm == "less":
            made = world(rng, 8, 192, spread=0.7)
        if arm == "noise":
            made = made + 2
        design = matched_draws(of_real, of_made, N, rngs=(np.random.default_rng((trial, i)) for i in range(DRAWS)))
        assert design is not None
        groups = np.array(of_real), np.array(of_made)

        def distance(a, b, of_a, of_b):
            if kind == "fd":
                return (frechet_distance(a, b).value,) * 2
            found = grouped_kernel_distance(a, b, of_a, of_b)
            return found.value, found.all_pairs

        arms, floors = [], []
        for half, other, drawn in design.draws:
            arms.append(distance(real[half], made[drawn], groups[0][half], groups[1][drawn])[0])
            floors.append(distance(real[half], real[other], groups[0][half], groups[0][other]))
        value = float(np.mean(arms))
        firsts, lengths = zip(*floors, strict=True)
        limits = fresh_range(firsts, design, all_pairs=None if kind == "fd" else lengths)
        assert limits is not None
        places["below" if value < limits.low else "above" if value > limits.high else "on"] += 1 / trials
        ratio = slide_spread(real, made, *groups)
        assert ratio is not None
        places["loses"] += (ratio.high < 1) / trials
    return places


@pytest.mark.parametrize("kind", ["fd", "kd"])
def test_fresh_slides_are_on_the_floor(kind: str) -> None:
    found = standings(kind, "fresh")
    assert found["on"] >= 0.875
    assert found["loses"] <= 0.05


@pytest.mark.parametrize("kind", ["fd", "kd"])
def test_copies_are_below_and_noise_is_above(kind: str) -> None:
    assert standings(kind, "copy", 10)["below"] >= 0.9
    assert standings(kind, "noise", 10)["above"] > 0.99


@pytest.mark.parametrize("kind", ["fd", "kd"])
def test_a_generator_that_loses_variation_is_never_below_and_is_found_within_slides(kind: str) -> None:
    found = standings(kind, "less", 20)
    assert found["below"] <= 0.1
    assert found["loses"] >= 0.95


def test_spread_needs_slides_and_is_blind_to_differences_between_them() -> None:
    rng = np.random.default_rng(0)
    real, made = world(rng, 8, 288), world(rng, 8, 192)
    of_real, of_made = names(8, 36), names(8, 24)
    plain = slide_spread(real, made, of_real, of_made)
    moved = slide_spread(real, made + np.arange(8).repeat(24)[:, None], of_real, of_made)
    assert plain is not None
    assert plain.low < 1 < plain.high
    assert moved == pytest.approx(plain)
    assert slide_spread(real, made, of_real, [str(i) for i in range(192)]) is None
    assert slide_spread(real, made, ["a"] * 288, of_made) is None


@pytest.mark.parametrize("share", [0.01, 0.25, 0.9])
@pytest.mark.parametrize("freedom", [0.5, 3.0, 17.25, 400.0])
def test_the_quantile_of_chi2_is_that_of_scipys_statistics(share: float, freedom: float) -> None:
    assert _chi2_quantile(share, freedom) == pytest.approx(chi2.ppf(share, freedom), rel=1e-12)
