"""Fleiss' kappa agrees with statsmodels, and its interval covers the kappa of many items."""

import numpy as np
import pytest
from statsmodels.stats.inter_rater import fleiss_kappa as reference

from bench.errors import DataError
from metrics.jackknife import Jackknife
from metrics.raters import KAPPA, fleiss_kappa, rater_statistics
from metrics.uncertainty import arm_interval


def ratings(rng: np.random.Generator, items: int, raters: int, categories: int, agreement: float) -> np.ndarray:
    """Return counts of raters who agree with a true category at a rate, and choose at random otherwise."""
    truth = rng.integers(categories, size=(items, 1))
    chosen = np.where(rng.random((items, raters)) < agreement, truth, rng.integers(categories, size=(items, raters)))
    return np.stack([(chosen == category).sum(axis=1) for category in range(categories)], axis=1)


@pytest.mark.parametrize("raters", [2, 3, 9])
@pytest.mark.parametrize("categories", [2, 4])
@pytest.mark.parametrize("agreement", [0.0, 0.5, 0.95])
def test_is_that_of_statsmodels(raters, categories, agreement):
    counts = ratings(np.random.default_rng(raters * categories), 25, raters, categories, agreement)
    assert fleiss_kappa(counts) == pytest.approx(reference(counts, method="fleiss"), abs=1e-12)


def test_published_example():
    # Fleiss 1971: 30 subjects, 6 raters, 5 categories are not printed here; the table of 14 raters in textbooks is
    table = [
        [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
        [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
    ]  # fmt: skip
    assert fleiss_kappa(np.array(table)) == pytest.approx(0.210, abs=5e-4)


def test_one_category_has_no_kappa():
    assert np.isnan(fleiss_kappa(np.array([[3, 0], [3, 0]])))


@pytest.mark.parametrize("counts", [[[1, 0]], [[2, 1], [1, 1]]])
def test_items_need_the_same_raters(counts):
    with pytest.raises(DataError, match="same number of raters"):
        fleiss_kappa(np.array(counts))


def test_interval_covers_the_kappa_of_many_items():
    rng = np.random.default_rng(5)
    truth = fleiss_kappa(ratings(rng, 200_000, 3, 2, 0.6))
    inside = 0
    for _ in range(200):
        statistics = rater_statistics(ratings(rng, 60, 3, 2, 0.6))[None]
        found = arm_interval(Jackknife.of(statistics, np.arange(60), KAPPA), bounds=(-1.0, 1.0))
        inside += found.low <= truth <= found.high
    assert 0.91 <= inside / 200 <= 0.99
