"""How large a comparison of two arms must be: groups, trainings and generators that a difference asks for.

Both arms are tested on the same G groups (slides, tiles), each network is trained k times, and each of a arms has its
images from a generator that is trained g times. The variance of the difference of their means is then

    s_groups² / G  +  2 s_training² / k  +  a s_generator² / g

with G - 1, 2 (k - 1) (the spread over trainings is measured in both arms together) and a (g - 1) degrees of freedom,
which Satterthwaite's formula joins. A source with no degrees of freedom, such as a generator that is trained once,
cannot be measured in the comparison itself: its spread counts as known, so that the result is the least that such a
comparison would need.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from metrics.power import smallest_detectable

MOST = 10_000
"""No larger number of groups, trainings or generators is looked for."""


@dataclass(frozen=True)
class Spreads:
    """Standard deviations of a metric.

    `groups` is that of the paired difference between groups, `training` that of a score over training seeds, and
    `generator` that of a score over generators that are trained separately.
    """

    groups: float
    training: float
    generator: float


@dataclass(frozen=True)
class Design:
    """The size of a comparison; `generated` of its two arms (0 to 2) have a generator of their own.

    `groups` may be an effective number, which is not an integer. A number that is infinite leaves its source out.
    """

    groups: float
    trainings: float
    generators: float = math.inf
    generated: int = 1


def standard_error(spreads: Spreads, design: Design) -> tuple[float, float]:
    """Return the standard error of the difference, and its degrees of freedom (infinite if all spreads are known).

    >>> se, dof = standard_error(Spreads(groups=0.02, training=0.01, generator=0.01), Design(groups=14, trainings=3))
    >>> round(se, 4), round(dof, 1)
    (0.0098, 7.7)
    """
    sources = [
        (spreads.groups**2 / design.groups, design.groups - 1),
        (2 * spreads.training**2 / design.trainings, 2 * (design.trainings - 1)),
        (design.generated * spreads.generator**2 / design.generators, design.generated * (design.generators - 1)),
    ]
    variance = sum(part for part, _ in sources)
    measured = sum(part**2 / dof for part, dof in sources if part and dof)
    return math.sqrt(variance), variance**2 / measured if measured else math.inf


def detectable(spreads: Spreads, design: Design) -> float:
    """Return the smallest difference that a comparison finds with 80 % probability at the two-sided level of 5 %.

    >>> spreads = Spreads(groups=0.02, training=0.01, generator=0.01)
    >>> round(detectable(spreads, Design(groups=14, trainings=3)), 4)
    0.0313
    >>> round(detectable(spreads, Design(groups=14, trainings=3, generators=1)), 4)  # one generator stands for all
    0.0404
    """
    return smallest_detectable(*standard_error(spreads, design))


def trainings_needed(spreads: Spreads, design: Design, difference: float) -> int | None:
    """Return how many trainings find a difference on the design's groups, each with a generator of its own.

    None: the groups hide the difference already, or it takes more than :data:`MOST` trainings.

    >>> spreads = Spreads(groups=0.02, training=0.01, generator=0.01)
    >>> trainings_needed(spreads, Design(groups=14, trainings=3), 0.022)
    11
    """
    return _fewest(lambda k: detectable(spreads, replace(design, trainings=k, generators=k)) <= abs(difference))


def groups_needed(spreads: Spreads, difference: float) -> int | None:
    """Return how many groups find a difference, if trainings and generators cost nothing.

    >>> groups_needed(Spreads(groups=0.02, training=0.01, generator=0.01), 0.022)
    9
    """
    return _fewest(lambda n: detectable(spreads, Design(n, math.inf)) <= abs(difference))


def _fewest(enough: Callable[[int], bool]) -> int | None:
    """Return the smallest number from 2 on that is enough, by doubling and bisection; None if :data:`MOST` is not."""
    high = 2
    while not enough(high):
        if high >= MOST:
            return None
        high = min(2 * high, MOST)
    low = max(high // 2, 1)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
