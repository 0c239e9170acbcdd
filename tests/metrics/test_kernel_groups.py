"""Kernel distance over pairs of different slides, against a loop over pairs, and what pairs within slides would do."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.errors import DataError
from metrics import kernel_groups
from metrics.kernel import kernel_distance
from metrics.kernel_groups import grouped_kernel_distance
from metrics.sources import interval_over_sources
from tests.reference.kernel_groups import distance_by_pair, jackknife_by_pair


def sets(n=24, m=18, d=5, shift=0.2, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)), rng.normal(shift, 1, size=(m, d))


def slides(n_slides, per_slide, rng, d=6, share=0.5, shift=0.0):
    centres = shift + rng.normal(size=(n_slides, d)) * share**0.5
    values = centres.repeat(per_slide, 0) + rng.normal(size=(n_slides * per_slide, d)) * (1 - share) ** 0.5
    return values, np.arange(n_slides).repeat(per_slide)


@pytest.mark.parametrize("block", [5, 1024])
@pytest.mark.parametrize("common", [False, True])
def test_value_and_jackknife_equal_the_loop_over_pairs(monkeypatch, block, common):
    monkeypatch.setattr(kernel_groups, "BLOCK", block)
    x, y = sets()
    rng = np.random.default_rng(1)
    of_x, of_y = rng.integers(0, 5, len(x)), rng.integers(2, 6, len(y)) + (0 if common else 100)
    found = grouped_kernel_distance(x, y, of_x, of_y)
    assert found.value == pytest.approx(distance_by_pair(x, y, of_x, of_y), abs=1e-11)
    variance = sum(np.var(list(side.values()), ddof=1) / len(side) for side in found.left_out.sides)
    assert variance == pytest.approx(jackknife_by_pair(x, y, of_x, of_y), rel=1e-9)
    assert len(found.left_out.sides) == (1 if common else 2)


def test_images_without_slides_give_the_plain_distance():
    x, y = sets()
    found = grouped_kernel_distance(x, y, np.arange(24), np.arange(100, 118))
    assert found.value == pytest.approx(kernel_distance(x, y).value, abs=1e-12)
    assert found.left_out.value == found.value


@given(st.integers(0, 1000), st.integers(2, 6), st.integers(2, 6))
@settings(max_examples=25, deadline=None)
def test_blind_to_order_and_symmetric(seed, g, h):
    rng = np.random.default_rng(seed)
    (x, of_x), (y, of_y) = slides(g, 3, rng), slides(h, 4, rng)
    here = grouped_kernel_distance(x, y, of_x, of_y + 10)
    p, q = rng.permutation(len(x)), rng.permutation(len(y))
    there = grouped_kernel_distance(y[q], x[p], of_y[q] + 10, of_x[p])
    assert there.value == pytest.approx(here.value, abs=1e-9)
    assert here.all_pairs >= -1e-9
    assert there.left_out.sides[1] == pytest.approx(here.left_out.sides[0], nan_ok=True)


def test_pairs_within_slides_make_one_population_two():
    plain, grouped = [], []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        (x, of_x), (y, of_y) = slides(6, 10, rng), slides(6, 10, rng)
        plain.append(kernel_distance(x, y).value)
        grouped.append(grouped_kernel_distance(x, y, of_x, of_y + 6).value)
    assert abs(np.mean(grouped)) < 3 * np.std(grouped) / 60**0.5
    assert np.mean(plain) > 5 * np.std(plain) / 60**0.5


def test_copies_of_slides_lie_below_zero():
    rng = np.random.default_rng(0)
    x, of_x = slides(6, 20, rng)
    assert grouped_kernel_distance(x[::2], x[1::2], of_x[::2], of_x[1::2]).value < -0.1


def test_a_single_slide_has_a_value_and_no_interval():
    x, y = sets()
    found = grouped_kernel_distance(x, y, np.zeros(24), np.arange(100, 118))
    assert found.value == pytest.approx(kernel_distance(x, y).value)
    assert np.isnan(list(found.left_out.sides[0].values())).all()


def test_refuses():
    x, y = sets()
    with pytest.raises(DataError, match="one group"):
        grouped_kernel_distance(x, y, np.zeros(3), np.zeros(18))


def test_far_sets_exclude_zero():
    rng = np.random.default_rng(0)
    (x, of_x), (y, of_y) = slides(6, 10, rng), slides(6, 10, rng, shift=1.5)
    found = interval_over_sources([grouped_kernel_distance(x, y, of_x, of_y + 6).left_out])
    assert 0 < found.low < found.value < found.high
