"""What a difference from the baseline means, in a word."""

from __future__ import annotations

from typing import Literal

Verdict = Literal["better", "worse", "equivalent", "undecided"]
LEVEL = 0.05


def verdict(
    value: float | None,
    low: float | None,
    high: float | None,
    p: float | None,
    *,
    direction: str,
    smallest_effect: float | None,
) -> Verdict:
    """Return whether an arm is better or worse than the baseline, equivalent to it, or neither is known.

    Args:
        value: the arm's value less the baseline's.
        low: lower end of the difference's interval.
        high: upper end of the difference's interval.
        p: the p-value of the difference, corrected for the number of arms.
        direction: "higher" or "lower", the values that are better.
        smallest_effect: the smallest difference of interest; an interval within it makes arms equivalent.

    >>> verdict(0.03, 0.01, 0.05, 0.001, direction="higher", smallest_effect=0.005)
    'better'
    >>> verdict(0.001, -0.002, 0.004, 0.4, direction="higher", smallest_effect=0.005)
    'equivalent'
    """
    if value is None or low is None or high is None:
        return "undecided"
    if smallest_effect is not None and -smallest_effect < low and high < smallest_effect:
        return "equivalent"
    if low <= 0 <= high or p is None or not p < LEVEL or direction not in ("higher", "lower"):
        return "undecided"
    return "better" if (value > 0) == (direction == "higher") else "worse"
