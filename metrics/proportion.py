"""Shares of independent trials, and their intervals."""

from __future__ import annotations

from typing import NamedTuple

from scipy.stats import norm

from bench.errors import DataError


class Proportion(NamedTuple):
    """A share in [0, 1] with its standard error and the bounds of its interval."""

    value: float
    se: float
    low: float
    high: float


def proportion(successes: int, trials: int, *, level: float = 0.95) -> Proportion:
    """Return a share with Wilson's score interval, (p + z²/2n ± z √(p(1-p)/n + z²/4n²)) / (1 + z²/n).

    The interval never leaves [0, 1], and has a width at shares of 0 and 1, where the standard error is 0 (Wilson 1927;
    Agresti & Coull 1998). It is of independent trials: not for images that share a slide.

    Raises:
        DataError: there is no trial, or more successes than trials.

    >>> found = proportion(8, 10)
    >>> found.value, round(found.low, 3), round(found.high, 3)
    (0.8, 0.49, 0.943)
    """
    if trials < 1 or not 0 <= successes <= trials:
        raise DataError("expected at least one trial and no more successes", got=f"{successes} of {trials}")
    p, z = successes / trials, float(norm.isf((1 - level) / 2))
    spread = z * z / trials
    middle = (p + spread / 2) / (1 + spread)
    half = float((p * (1 - p) * spread + spread * spread / 4) ** 0.5) / (1 + spread)
    # at 0 and 1 a bound is the share itself, which rounding would miss by a last bit
    low = 0.0 if successes == 0 else middle - half
    high = 1.0 if successes == trials else middle + half
    return Proportion(p, float((p * (1 - p) / trials) ** 0.5), low, high)
