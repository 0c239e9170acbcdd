"""Which arms of a run pictures show: those that the run is about, each way of making images once."""

from __future__ import annotations

from collections.abc import Sequence

from bench.evaluation.base import Measured
from bench.plan.arms import BASELINE

MOST_ARMS = 6


def subjects(measured: Sequence[Measured]) -> list[Measured]:
    """Return the arms that the run is about; of arms whose sets differ only in size, the first."""
    found: dict[str, Measured] = {}
    for each in measured:
        if each.trial.arm in each.trial.bench.subjects:
            found.setdefault(each.trial.arm.choice, each)
    return list(found.values())[:MOST_ARMS]


def tested(measured: Sequence[Measured]) -> list[Measured]:
    """Return the arms that networks were trained on, the baseline first, then the run's own, then controls."""
    own = subjects(measured)
    first = [each for each in measured if each.trial.arm.name == BASELINE]
    controls = [each for each in measured if each.trial.arm not in each.trial.bench.subjects and each not in first]
    ordered = [*first, *(each for each in own if each not in first), *controls]
    return [each for each in ordered if each.evidence and not each.reason][:MOST_ARMS]
