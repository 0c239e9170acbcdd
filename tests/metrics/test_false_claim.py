"""The probability of a false claim is that of a posterior, drawn here, and behaves at its ends."""

from __future__ import annotations

import math

import numpy as np
import pytest

from metrics.false_claim import false_claim
from metrics.planning import Design, Spreads

SPREADS = Spreads(groups=0.02, training=0.01, generator=0.005)


def test_it_is_the_share_of_true_differences_that_are_not_positive() -> None:
    """Among true differences that are equally probable, those of which the printed one was drawn by chance."""
    rng = np.random.default_rng(0)
    groups, trainings, gain = 14, 5, 0.01
    true = rng.uniform(-0.1, 0.1, 4_000_000)
    se = [0.02 / math.sqrt(groups), math.sqrt(2 / trainings) * 0.01, 0.005]
    printed = true + sum(s * rng.standard_normal(len(true)) for s in se)
    near = np.abs(printed - gain) < 0.0005
    drawn = float(np.mean(true[near] <= 0))
    assert false_claim(gain, SPREADS, Design(groups, trainings, generators=1)) == pytest.approx(drawn, abs=0.01)


def test_no_gain_is_as_probably_false_as_true_and_larger_gains_are_safer() -> None:
    design = Design(14, 5, generators=1)
    assert false_claim(0.0, SPREADS, design) == 0.5
    found = [false_claim(gain, SPREADS, design) for gain in (-0.01, 0.0, 0.01, 0.02)]
    assert found == sorted(found, reverse=True)
    # images only: a source that is left out makes the claim look safer
    assert false_claim(0.01, SPREADS, Design(14, math.inf)) < false_claim(0.01, SPREADS, design)


@pytest.mark.parametrize(("gain", "expected"), [(0.01, 0.0), (0.0, 0.5), (-0.01, 1.0)])
def test_without_any_spread_the_printed_gain_is_the_true_one(gain: float, expected: float) -> None:
    assert false_claim(gain, Spreads(0, 0, 0), Design(14, 5)) == expected


def test_a_gain_that_is_not_known_has_no_probability() -> None:
    for spread in (0.0, 0.02):
        spreads = Spreads(groups=spread, training=0.0, generator=0.0)
        assert math.isnan(false_claim(float("nan"), spreads, Design(groups=14, trainings=5, generators=1)))
