"""Round numbers for axes."""

from __future__ import annotations

import math


def ticks_of(extent: tuple[float, float]) -> list[float]:
    """Return three to six round numbers that enclose a range.

    >>> ticks_of((0.31, 0.47))
    [0.3, 0.35, 0.4, 0.45, 0.5]
    """
    low, high = extent
    span = (high - low) or max(abs(high), 1.0) * 0.1
    rough = span / 4
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    last = max(last, first + 1)
    return [round(place * step, 12) for place in range(first, last + 1)]
