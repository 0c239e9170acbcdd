"""Kernel distance against scikit-learn, clean-fid's subsets, a slow jackknife and published values."""

import numpy as np
import pytest
from sklearn.metrics.pairwise import polynomial_kernel

from bench.errors import DataError
from metrics import kernel
from metrics.kernel import (
    kernel_distance,
    kernel_distance_jackknife,
    kernel_distance_subsets,
    subset_indices,
)


def by_definition(x, y):
    n, m = len(x), len(y)
    xx, yy, xy = (polynomial_kernel(a, b, degree=3, coef0=1) for a, b in ((x, x), (y, y), (x, y)))
    within = (xx.sum() - np.trace(xx)) / (n * (n - 1)) + (yy.sum() - np.trace(yy)) / (m * (m - 1))
    return within - 2 * xy.mean()


def sets(n=70, m=50, d=12, shift=0.2, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)), rng.normal(shift, 1, size=(m, d))


def test_published_values():
    rng = np.random.RandomState(0)
    x, y = rng.rand(6, 4), rng.rand(6, 4)
    assert kernel_distance(x, y).value == pytest.approx(-0.0208753827, abs=1e-10)
    assert kernel_distance(x, x).value == pytest.approx(-0.1681336926, abs=1e-10)


@pytest.mark.parametrize("block", [16, 1024])
def test_equals_the_definition_whatever_the_block(monkeypatch, block):
    monkeypatch.setattr(kernel, "_BLOCK", block)
    x, y = sets()
    result = kernel_distance(x, y)
    assert result.value == pytest.approx(by_definition(x, y), abs=1e-12)
    assert (result.n_real, result.n_synthetic, result.d) == (70, 50, 12)
    assert kernel_distance(y, x).value == pytest.approx(result.value, abs=1e-12)


def test_subsets_equal_clean_fid(monkeypatch):
    fid = pytest.importorskip("cleanfid.fid")
    x, y = sets(300, 200)
    subsets = list(subset_indices(300, 200, rng=np.random.default_rng(4), n_subsets=7, subset_size=60))
    # clean-fid draws from its second argument first; feed it our own draws.
    draws = iter([index for of_x, of_y in subsets for index in (of_y, of_x)])
    monkeypatch.setattr(np.random, "choice", lambda *_, **__: next(draws))
    theirs = fid.kernel_distance(x, y, num_subsets=7, max_subset_size=60)
    assert kernel_distance_subsets(x, y, subsets).value == pytest.approx(theirs, abs=1e-9)


def test_subsets_are_seeded_and_bounded_by_the_smaller_set():
    first, second = (list(subset_indices(2000, 300, rng=np.random.default_rng(0), n_subsets=2)) for _ in range(2))
    assert np.array_equal(np.array(first), np.array(second))
    assert all(len(set(index.tolist())) == 300 for pair in first for index in pair)


@pytest.mark.parametrize("common", [False, True])
def test_jackknife_equals_leaving_groups_out(common):
    x, y = sets()
    rng = np.random.default_rng(1)
    of_x = rng.integers(0, 6, len(x))
    of_y = rng.integers(0, 6, len(y)) + (0 if common else 100)
    value, se = kernel_distance_jackknife(x, y, of_x, of_y)
    variance = 0.0
    for side in [set(of_x) | set(of_y)] if common else [set(of_x), set(of_y)]:
        left = np.array([by_definition(x[of_x != g], y[of_y != g]) for g in side])
        variance += (len(left) - 1) / len(left) * ((left - left.mean()) ** 2).sum()
    assert value == pytest.approx(by_definition(x, y), abs=1e-12)
    assert se == pytest.approx(np.sqrt(variance), rel=1e-9)


def test_jackknife_needs_two_groups_a_side():
    x, y = sets()
    value, se = kernel_distance_jackknife(x, y, np.zeros(70), np.arange(100, 150))
    assert value == pytest.approx(by_definition(x, y))
    assert np.isnan(se)


def test_halves_of_one_set_lie_within_their_interval_of_zero():
    covered = 0
    for seed in range(100):
        whole = np.random.default_rng(seed).gamma(2.0, size=(120, 16))
        value, se = kernel_distance_jackknife(whole[:60], whole[60:], np.arange(60), np.arange(60, 120))
        covered += abs(value) <= 1.96 * se
    assert covered >= 90


def test_a_shifted_set_does_not():
    x, y = sets(shift=0.5)
    value, se = kernel_distance_jackknife(x, y, np.arange(70), np.arange(70, 120))
    assert value > 3 * se


def test_refuses():
    x, y = sets()
    with pytest.raises(DataError, match="one group"):
        kernel_distance_jackknife(x, y, np.zeros(3), np.zeros(50))
    with pytest.raises(DataError, match="at least 2 rows"):
        kernel_distance(x[:1], y)
