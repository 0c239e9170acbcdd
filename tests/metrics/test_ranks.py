"""Intervals of ranks that hold together."""

from itertools import combinations

import pytest

from metrics.ranks import rank_intervals

NAN = float("nan")


def ranks(values, p_values, **settings):
    pairs = combinations(values, 2)
    p = dict(zip(pairs, p_values, strict=True))
    found = rank_intervals(values, p, **{"higher_is_better": True, **settings})
    return {name: (each.rank, each.low, each.high) for name, each in found.items()}


def test_clear_and_tied_arms():
    values = {"fair": 0.5, "like fair": 0.51, "good": 0.9}
    assert ranks(values, [0.8, 1e-6, 1e-5]) == {"fair": (3, 2, 3), "like fair": (2, 2, 3), "good": (1, 1, 1)}
    lower = {"fair": (1, 1, 2), "like fair": (2, 1, 2), "good": (3, 3, 3)}
    assert ranks(values, [0.8, 1e-6, 1e-5], higher_is_better=False) == lower


def test_pairs_are_corrected_for_their_number():
    values = {"a": 0.1, "b": 0.2, "c": 0.3}
    # .02 of one pair of three is .06
    assert ranks(values, [0.02, 0.5, 0.5]) == {"a": (3, 1, 3), "b": (2, 1, 3), "c": (1, 1, 3)}
    assert ranks({"a": 0.1, "b": 0.2}, [0.02]) == {"a": (2, 2, 2), "b": (1, 1, 1)}


def test_an_undefined_arm_has_no_rank_and_costs_no_other_its_own():
    values = {"never": NAN, "low": 0.1, "high": 0.9}
    assert ranks(values, [NAN, NAN, 0.04]) == {"low": (2, 2, 2), "high": (1, 1, 1)}


def test_pairs_without_a_p_value_and_equal_arms():
    assert ranks({"a": 0.5, "b": 0.5, "c": 0.1}, [NAN, NAN, NAN]) == {"a": (1, 1, 3), "b": (1, 1, 3), "c": (3, 1, 3)}
    with pytest.raises(KeyError):
        rank_intervals({"a": 0.1, "b": 0.2}, {}, higher_is_better=True)
