"""The schedule of two phases: the phase, the batch and the learning rate of each step."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate
from typing import Literal, NamedTuple

from bench.contract import Budget
from downstream.hovernet.config import Phase


class Stretch(NamedTuple):
    """A phase in steps: [first, last), and the number of the first patch that it draws."""

    phase: Phase
    first: int
    last: int
    first_patch: int


class Schedule:
    """Phases distributed over a budget.

    A budget of epochs gives each phase its share of the epochs, where an epoch is ceil(patches / batch) steps. A budget
    of steps is divided in proportion to share / batch, which is the same division: 20 700 steps of the published phases
    are 50 epochs of CoNSeP's 1323 patches at batch 16 and 50 at batch 4.
    """

    def __init__(self, phases: Sequence[Phase], budget: Budget, patches: int) -> None:
        steps = _steps_of_epochs(phases, budget.amount, patches)
        if budget.unit == "steps":
            steps = _steps_of_steps(phases, budget.amount)
        ends = list(accumulate(steps))
        drawn = list(accumulate(n * phase.batch for n, phase in zip(steps, phases, strict=True)))
        self.stretches = [
            Stretch(phase, end - n, end, total - n * phase.batch)
            for phase, n, end, total in zip(phases, steps, ends, drawn, strict=True)
        ]
        self.steps = ends[-1]

    def at(self, step: int) -> Stretch:
        """Return the phase of a step."""
        return next(stretch for stretch in self.stretches if step < stretch.last)

    def patches(self, step: int) -> range:
        """Return the numbers of the patches in the batch of a step."""
        stretch = self.at(step)
        first = stretch.first_patch + (step - stretch.first) * stretch.phase.batch
        return range(first, first + stretch.phase.batch)

    def rate(self, step: int, kind: Literal["step", "cosine"]) -> float:
        """Return the factor of the learning rate.

        `step` gives 1, and 0.1 from the middle of each phase. `cosine` rises linearly from 0 over the first 5 %, then
        falls as half a cosine to 0, over all phases together.
        """
        if kind == "step":
            stretch = self.at(step)
            return 1.0 if 2 * (step - stretch.first) < stretch.last - stretch.first else 0.1
        warm = max(1, self.steps // 20)
        if step < warm:
            return (step + 1) / warm
        return 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, self.steps - warm)))


def _steps_of_epochs(phases: Sequence[Phase], epochs: int, patches: int) -> list[int]:
    return [round(phase.share * epochs) * math.ceil(patches / phase.batch) for phase in phases]


def _steps_of_steps(phases: Sequence[Phase], total: int) -> list[int]:
    weights = list(accumulate(phase.share / phase.batch for phase in phases))
    ends = [round(total * weight / weights[-1]) for weight in weights]
    return [end - first for first, end in zip([0, *ends], ends, strict=False)]
