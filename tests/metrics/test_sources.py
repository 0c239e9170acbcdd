"""Intervals over groups and seeds: what adds up, what is shared, and what is refused."""

import numpy as np
import pytest
from scipy import stats

from bench.errors import DataError
from metrics.sources import LeftOut, interval_over_sources


def left_out(values, offset=0.0):
    """Return a mean over groups: its pseudo-values are the groups' values."""
    array = np.asarray(values, dtype=float) + offset
    return LeftOut(float(array.mean()), ({f"g{i}": float(value) for i, value in enumerate(array)},))


def test_one_seed_is_students_interval_over_groups():
    values = np.array([3.0, 5.0, 4.0, 7.0])
    found = interval_over_sources([left_out(values)])
    low, high = stats.t.interval(0.95, 3, values.mean(), stats.sem(values))
    assert (found.low, found.high, found.n_groups) == (pytest.approx(low), pytest.approx(high), 4)


def test_more_seeds_do_not_reduce_the_part_of_the_groups():
    values = np.array([3.0, 5.0, 4.0, 7.0])
    one = interval_over_sources([left_out(values)])
    same = interval_over_sources([left_out(values)] * 4)
    assert same.se == pytest.approx(one.se)
    assert same.method == "groups+seeds"
    apart = interval_over_sources([left_out(values, offset) for offset in (-1, 0, 1)])
    assert apart.se == pytest.approx(np.sqrt(one.se**2 + 1 / 3))


def test_what_groups_and_seeds_share_counts_once():
    rng = np.random.default_rng(0)
    table = rng.normal(size=(3, 400))
    found = interval_over_sources([left_out(values) for values in table])
    of_seeds, of_groups = table.mean(axis=1).var(ddof=1) / 3, table.mean(axis=0).var(ddof=1) / 400
    assert of_seeds <= found.se**2 < of_seeds + 0.25 * of_groups


def test_groups_of_one_seed_only_belong_to_the_seeds():
    first = LeftOut(1.0, ({"a": 0.0, "b": 1.0, "c": 2.0},))
    second = LeftOut(2.0, ({"x": 1.0, "y": 2.0, "z": 3.0},))
    found = interval_over_sources([first, second])
    assert found.method == "seeds"
    assert found.se == pytest.approx(0.5)


def test_three_quarters_of_what_is_counted_twice_are_removed_and_never_more_than_of_half():
    sides = ({"a": 0.0, "b": 1.0, "c": 2.0},)
    plain = interval_over_sources([LeftOut(1.0, sides)]).se ** 2
    assert interval_over_sources([LeftOut(1.0, sides, (0.1, 0.0))]).se ** 2 == pytest.approx(plain - 0.75 * 0.1)
    assert interval_over_sources([LeftOut(1.0, sides, (9.0, 0.0))]).se ** 2 == pytest.approx(plain * (1 - 0.75 / 2))


def test_bounds_are_kept():
    found = interval_over_sources([left_out([0.0, 0.1, 0.9])], bounds=(0.0, 1.0))
    assert (found.low, found.high) == (0.0, 1.0)


@pytest.mark.parametrize("values", [[1.0, 2.0], [1.0, 2.0, float("nan")]])
def test_too_few_groups_give_a_reason(values):
    found = interval_over_sources([LeftOut(1.5, left_out(values).sides)])
    assert found.value == 1.5
    assert np.isnan(found.low)
    assert "at least 3" in found.reason


def test_refuses_nothing():
    with pytest.raises(DataError, match="at least one seed"):
        interval_over_sources([])
