"""What an interval of a difference says: better, worse, equivalent or undecided."""

from __future__ import annotations

import math
from typing import Literal

Verdict = Literal["better", "worse", "equivalent", "undecided"]

SIGNIFICANT = 0.05
"""The level of significance of the adjusted p-value."""


def verdict(
    value: float | None,
    low: float | None,
    high: float | None,
    p: float | None,
    *,
    direction: str,
    smallest_effect: float | None,
) -> Verdict:
    """Return what is known of an arm's difference from the baseline.

    Args:
        value: the difference.
        low: lower bound of its 95 % interval.
        high: upper bound.
        p: its p-value, adjusted for all differences that are tested with it.
        direction: which values of the metric are better; if "none", neither arm can be better.
        smallest_effect: the smallest effect of interest (`Metric.smallest_effect`); None if none is declared.

    "better" and "worse" need an adjusted p-value below 5 % and an interval that excludes 0; "equivalent" an interval
    that is within plus and minus the smallest effect of interest (two one-sided tests at 2.5 %; Lakens, Social
    Psychological and Personality Science 2017). A difference that is both significant and within that effect is
    equivalent: it is there, and too small to matter. Anything else, or without an interval, is undecided.

    >>> verdict(0.05, 0.02, 0.08, 0.01, direction="higher", smallest_effect=0.01)
    'better'
    >>> verdict(0.002, -0.004, 0.008, 0.6, direction="higher", smallest_effect=0.01)
    'equivalent'
    >>> verdict(0.05, 0.02, 0.08, 0.06, direction="higher", smallest_effect=0.01)
    'undecided'
    """
    if value is None or low is None or high is None or not all(map(math.isfinite, (value, low, high))):
        return "undecided"
    if smallest_effect is not None and -smallest_effect < low and high < smallest_effect:
        return "equivalent"
    found = p is not None and p < SIGNIFICANT and (low > 0 or high < 0)
    if not found or direction == "none":
        return "undecided"
    return "better" if (value > 0) == (direction == "higher") else "worse"
