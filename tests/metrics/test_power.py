"""The smallest detectable difference, against a simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from metrics.power import smallest_detectable


def test_it_is_found_in_four_of_five_repetitions() -> None:
    rng, n, se = np.random.default_rng(0), 14, 0.01
    size = smallest_detectable(se, n - 1)
    draws = rng.normal(size, se * np.sqrt(n), (40000, n))
    errors = draws.std(axis=1, ddof=1) / np.sqrt(n)
    found = draws.mean(axis=1) - stats.t.ppf(0.975, n - 1) * errors > 0
    assert found.mean() == pytest.approx(0.8, abs=0.015)


def test_more_power_or_fewer_degrees_of_freedom_need_a_larger_difference() -> None:
    assert smallest_detectable(0.01, 5) > smallest_detectable(0.01, 13) > smallest_detectable(0.01, 1e9)
    assert smallest_detectable(0.01, 13, power=0.9) > smallest_detectable(0.01, 13)
    assert smallest_detectable(0.02, 13) == pytest.approx(2 * smallest_detectable(0.01, 13))
    assert smallest_detectable(1.0, float("inf")) == pytest.approx(stats.norm.ppf(0.975) + stats.norm.ppf(0.8))
