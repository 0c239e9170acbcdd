"""Shares of independent trials, and their intervals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import betaincinv, ndtri

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
    Agresti & Coull 1998). It holds for independent trials, not for images that share a slide.

    Raises:
        DataError: there is no trial, or there are more successes than trials.

    >>> found = proportion(8, 10)
    >>> found.value, round(found.low, 3), round(found.high, 3)
    (0.8, 0.49, 0.943)
    """
    if trials < 1 or not 0 <= successes <= trials:
        raise DataError(
            "There must be at least one trial, and no more successes than trials", got=f"{successes} of {trials}"
        )
    p, z = successes / trials, -float(ndtri((1 - level) / 2))
    spread = z * z / trials
    middle = (p + spread / 2) / (1 + spread)
    half = float((p * (1 - p) * spread + spread * spread / 4) ** 0.5) / (1 + spread)
    # at 0 and 1 a bound is the share itself, which rounding would miss by the last bit
    low = 0.0 if successes == 0 else middle - half
    high = 1.0 if successes == trials else middle + half
    return Proportion(p, float((p * (1 - p) / trials) ** 0.5), low, high)


def exact_proportion(successes: int, trials: int, *, level: float = 0.95) -> Proportion:
    """Return a share with the exact interval of Clopper and Pearson, quantiles of beta distributions.

    It covers at least what it promises at every number of independent trials, however small (Biometrika 1934).

    Raises:
        DataError: there is no trial, or there are more successes than trials.

    >>> found = exact_proportion(31, 52)  # PathDiff, figure 5: synthetic images taken for real
    >>> round(found.value, 3), round(found.low, 3), round(found.high, 3)
    (0.596, 0.451, 0.73)
    """
    value, se, _, _ = proportion(successes, trials)
    tail, failures = (1 - level) / 2, trials - successes
    low = float(betaincinv(successes, failures + 1, tail)) if successes else 0.0
    high = float(betaincinv(successes + 1, failures, 1 - tail)) if failures else 1.0
    return Proportion(value, se, low, high)


def mean_proportion(successes: Sequence[int], trials: Sequence[int], *, level: float = 0.95) -> Proportion:
    """Return the mean of several shares with equal weights, and the interval that follows from their Wilson intervals.

    The squared distances of the bounds from their shares are added (Zou & Donner, Stat. Med. 2008); for one share it
    equals :func:`proportion`.

    Raises:
        DataError: there is no share, or a share has no trial.

    >>> mean_proportion([8, 2], [10, 10]).value
    0.5
    """
    if not len(trials) or len(successes) != len(trials):
        raise DataError("There must be at least one share", got=f"{len(successes)} successes of {len(trials)} trials")
    parts = [proportion(k, n, level=level) for k, n in zip(successes, trials, strict=True)]
    value = float(np.mean([part.value for part in parts]))
    below, above, se = (
        float(np.linalg.norm(distances)) / len(parts)
        for distances in (
            [part.value - part.low for part in parts],
            [part.high - part.value for part in parts],
            [part.se for part in parts],
        )
    )
    return Proportion(value, se, value - below, value + above)
