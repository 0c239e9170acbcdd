"""Sampling with fewer steps than training used."""

from __future__ import annotations

from bench.errors import ConfigError


def strided(steps: int, count: int) -> list[int]:
    """Return `count` of `steps` steps with an integer stride, starting at 0 (improved DDPM, `ddimN`).

    >>> strided(1000, 100)[-2:]
    [980, 990]

    Raises:
        ConfigError: no integer stride gives that number of steps.
    """
    for stride in range(1, steps + 1):
        kept = range(0, steps, stride)
        if len(kept) == count:
            return list(kept)
    raise ConfigError(
        f"The number of sampling steps must be one that an integer stride over {steps} steps can give",
        got=str(count),
        fix=f"use a divisor of {steps}, for example {_nearest_divisor(steps, count)}",
    )


def start_count(steps: int, percent: float) -> int:
    """Return how many of `steps` respaced steps a start at `percent` of the schedule runs: int(steps percent / 100).

    DiffMix's 55 % of 100 steps is 55: indices 54 to 0, of which 54 is step 540 of 1000.

    >>> start_count(100, 55)
    55
    """
    return int(steps * percent / 100 + 1e-9)


def _nearest_divisor(steps: int, count: int) -> int:
    divisors = [divisor for divisor in range(1, steps + 1) if steps % divisor == 0]
    return min(divisors, key=lambda divisor: abs(divisor - count))
