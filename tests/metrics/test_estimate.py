"""Sources that add up, ranges, and the smallest detectable difference."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from metrics.estimate import Estimate, Spread, around, at_the_end, smallest_detectable


def test_sources_add_up_with_satterthwaites_degrees_of_freedom():
    found = Estimate.of(1.0, [Spread(0.3, 10), Spread(0.4, 5)])
    assert found.total.se == pytest.approx(0.5)
    assert found.total.dof == pytest.approx(0.25**2 / (0.09**2 / 10 + 0.16**2 / 5))
    assert found.p_value() == pytest.approx(2 * stats.t.sf(1.0 / 0.5, found.total.dof))
    assert found.half_width(0.05) == pytest.approx(stats.t.ppf(0.975, found.total.dof) * 0.5)


def test_no_interval_is_narrower_than_that_of_one_source():
    found = Estimate.of(1.0, [Spread(0.1, 100)], [Spread(0.1, 2)])
    assert found.half_width(0.05) == pytest.approx(stats.t.ppf(0.975, 2) * 0.1)
    assert found.p_value() == pytest.approx(2 * stats.t.sf(10.0, 2))


def test_what_sources_share_counts_once_unless_seeds_say_too_little():
    found = Estimate.of(0.0, [Spread(0.4, 9)], [Spread(0.3, 4)], shared=0.05)
    assert found.total.se**2 == pytest.approx(0.16 + 0.09 - 0.05)
    assert Estimate.of(0.0, [Spread(0.4, 9)], [Spread(0.3, 4)], shared=0.2).total.se == pytest.approx(0.4)
    assert Estimate.of(0.0, [Spread(0.4, 9)], [Spread(0.3, 1)], shared=0.05).total.se == pytest.approx(0.5)


@settings(deadline=None)
@given(st.floats(0, 1), st.floats(0, 5))
def test_an_interval_holds_its_value_and_stays_in_the_range(value, half):
    low, high = around(value, half, (0.0, 1.0))
    assert 0 <= low <= value + 1e-12
    assert value - 1e-12 <= high <= 1
    if 0.45 < value < 0.55 and half < 0.01:
        assert (low, high) == pytest.approx((value - half, value + half), abs=1e-3)


def test_the_logit_is_of_the_place_in_the_range():
    low, high = around(0.8, 0.05, (0.0, 1.0))
    assert around(0.6, 0.1, (-1.0, 1.0)) == pytest.approx((2 * low - 1, 2 * high - 1))
    assert around(0.2, 0.5, (None, None)) == pytest.approx((-0.3, 0.7))
    assert around(0.2, 0.5, (None, 0.5)) == pytest.approx((-0.3, 0.5))


def test_at_an_end_of_the_range_the_bound_is_clopper_and_pearsons():
    theirs = stats.binomtest(0, 20).proportion_ci(method="exact")
    assert at_the_end(0.0, (0.0, 1.0), 20, 0.05) == pytest.approx((theirs.low, theirs.high))
    theirs = stats.binomtest(20, 20).proportion_ci(method="exact")
    assert at_the_end(1.0, (0.0, 1.0), 20, 0.05) == pytest.approx((theirs.low, theirs.high))
    assert at_the_end(0.5, (0.0, 1.0), 20, 0.05) is None
    assert at_the_end(0.0, (0.0, None), 20, 0.05) is None


@pytest.mark.parametrize("dof", [4, 13, 60])
def test_the_detectable_difference_is_found_with_the_power(dof):
    """Compared with the power of the t-test by the noncentral distribution, which the formula approximates."""
    n = dof + 1
    effect = smallest_detectable(1 / np.sqrt(n), dof)
    power = stats.nct.sf(stats.t.ppf(0.975, dof), dof, effect * np.sqrt(n))
    assert power == pytest.approx(0.8, abs=0.03)
