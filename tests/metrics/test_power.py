"""The smallest detectable difference: found as often as it says."""

import numpy as np
import pytest
from scipy import stats

from metrics.power import smallest_detectable


def share_found(difference: float, n: int, level: float = 0.95) -> float:
    """Return how often an interval of n values with sd 1 excludes 0 at a true mean, over 20,000 draws."""
    values = np.random.default_rng(0).normal(difference, 1, (20_000, n))
    se = values.std(axis=1, ddof=1) / np.sqrt(n)
    return float(np.mean(abs(values.mean(axis=1)) > stats.t.ppf((1 + level) / 2, n - 1) * se))


@pytest.mark.parametrize("n", [6, 14, 50])
def test_the_difference_is_found_in_80_percent(n: int) -> None:
    assert share_found(smallest_detectable(1 / np.sqrt(n), n - 1), n) == pytest.approx(0.8, abs=0.02)


def test_power_and_level_are_those_asked_for() -> None:
    limit = smallest_detectable(1 / np.sqrt(20), 19, power=0.9, level=0.99)
    assert share_found(limit, 20, level=0.99) == pytest.approx(0.9, abs=0.02)


def test_a_known_error_takes_quantiles_of_the_normal_distribution() -> None:
    assert smallest_detectable(1.0, float("inf")) == pytest.approx(stats.norm.ppf(0.975) + stats.norm.ppf(0.8))
