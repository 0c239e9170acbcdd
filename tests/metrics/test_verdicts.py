"""Verdicts from intervals."""

import pytest

from metrics.verdicts import verdict


@pytest.mark.parametrize(
    ("value", "low", "high", "p", "direction", "smallest", "expected"),
    [
        (0.05, 0.01, 0.09, 0.02, "higher", None, "better"),
        (0.05, 0.01, 0.09, 0.02, "lower", None, "worse"),
        (-0.05, -0.09, -0.01, 0.02, "lower", 0.01, "better"),
        (-0.05, -0.09, -0.01, 0.02, "higher", 0.01, "worse"),
        (0.05, 0.01, 0.09, 0.02, "none", None, "undecided"),
        # significant by itself, but not after the correction for the number of arms
        (0.05, 0.01, 0.09, 0.07, "higher", None, "undecided"),
        (0.05, 0.01, 0.09, None, "higher", None, "undecided"),
        (0.05, -0.01, 0.11, 0.2, "higher", None, "undecided"),
        # within the smallest effect of interest, whether it is significant or not
        (0.001, -0.004, 0.006, 0.8, "higher", 0.01, "equivalent"),
        (0.005, 0.002, 0.008, 0.01, "higher", 0.01, "equivalent"),
        (0.005, -0.004, 0.014, 0.3, "higher", 0.01, "undecided"),
        (0.001, -0.004, 0.006, 0.8, "higher", None, "undecided"),
        # without an interval
        (0.3, None, None, None, "higher", 0.01, "undecided"),
        (0.3, float("nan"), float("nan"), float("nan"), "higher", 0.01, "undecided"),
        (None, None, None, None, "higher", 0.01, "undecided"),
    ],
)
def test_verdict(value, low, high, p, direction, smallest, expected):
    assert verdict(value, low, high, p, direction=direction, smallest_effect=smallest) == expected
