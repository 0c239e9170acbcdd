"""Shares agree with scipy's Wilson interval, and cover what they promise."""

import numpy as np
import pytest

from bench.errors import DataError
from metrics.proportion import exact_proportion, mean_proportion, proportion


@pytest.mark.parametrize(("k", "n"), [(0, 1), (1, 1), (0, 40), (40, 40), (3, 7), (50, 100), (999, 1000)])
@pytest.mark.parametrize("level", [0.9, 0.95])
def test_is_scipys(k, n, level):
    from scipy.stats import binomtest

    found = proportion(k, n, level=level)
    reference = binomtest(k, n).proportion_ci(level, method="wilson")
    assert found.value == k / n
    assert (found.low, found.high) == pytest.approx((reference.low, reference.high), abs=1e-12)
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert found.low < found.high
    assert found.se == pytest.approx(np.std([1] * k + [0] * (n - k)) / n**0.5)


@pytest.mark.parametrize(("k", "n"), [(0, 1), (1, 1), (0, 40), (40, 40), (3, 7), (31, 52), (999, 1000)])
def test_exact_interval_is_that_of_statsmodels(k, n):
    from statsmodels.stats.proportion import proportion_confint

    found = exact_proportion(k, n)
    assert (found.low, found.high) == pytest.approx(proportion_confint(k, n, method="beta"), abs=1e-12)
    with pytest.raises(DataError):
        exact_proportion(n + 1, n)


def test_covers_the_truth_as_often_as_it_says():
    from scipy.stats import binom

    n, truths = 60, np.linspace(0.05, 0.95, 181)
    found = [proportion(k, n) for k in range(n + 1)]
    coverage = [sum(binom.pmf(k, n, p) for k in range(n + 1) if found[k].low <= p <= found[k].high) for p in truths]
    # counts are whole, so that it swings from share to share; on average it is what was asked for
    assert np.mean(coverage) == pytest.approx(0.95, abs=0.005)
    assert min(coverage) > 0.9


@pytest.mark.parametrize(("k", "n"), [(0, 0), (3, 2), (-1, 2)])
def test_impossible_counts_are_refused(k, n):
    with pytest.raises(DataError, match="trial"):
        proportion(k, n)


def test_the_mean_of_one_share_is_that_share():
    found, own = mean_proportion([3], [7]), proportion(3, 7)
    assert tuple(found) == pytest.approx(tuple(own), abs=1e-12)


def test_the_mean_of_shares_covers_the_truth():
    rng, truths, n = np.random.default_rng(0), np.array([0.0, 0.1, 0.5, 0.9]), np.array([50, 200, 50, 100])
    found = [mean_proportion(rng.binomial(n, truths).tolist(), n.tolist()) for _ in range(1500)]
    assert np.mean([one.value for one in found]) == pytest.approx(truths.mean(), abs=0.005)
    assert 0.93 < np.mean([one.low <= truths.mean() <= one.high for one in found]) <= 0.99
    assert np.mean([one.se for one in found]) == pytest.approx(np.std([one.value for one in found]), rel=0.1)


def test_shares_without_trials_are_refused():
    for k, n in (([], []), ([1], [1, 2]), ([0], [0])):
        with pytest.raises(DataError):
            mean_proportion(k, n)
