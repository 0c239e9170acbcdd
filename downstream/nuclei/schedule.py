"""The schedule of the phases: the phase, the batch and the learning rate of each step."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate
from typing import Literal, NamedTuple

from bench.contract import Budget
from downstream.nuclei.settings import Phase


class Epoch(NamedTuple):
    """The number of patches in an epoch of the real-only arm, and in one of this arm's mix."""

    real: int
    mix: int


class Stretch(NamedTuple):
    """A phase in steps: [first, last), and the number of the first patch that it draws."""

    phase: Phase
    first: int
    last: int
    first_patch: int


class Schedule:
    """Phases distributed over a budget.

    A budget of epochs gives each phase its share of the epochs, where an epoch is ceil(patches / batch) steps of this
    arm's mix or, for `real-epochs`, of the real-only arm. A budget of steps is divided in proportion to share / batch,
    which is the same division: 20 700 steps of HoVer-Net's phases are 50 epochs of CoNSeP's 1323 patches at batch 16
    and 50 at batch 4.
    """

    def __init__(self, phases: Sequence[Phase], budget: Budget, epoch: Epoch) -> None:
        if budget.unit == "steps":
            steps = _steps_of_steps(phases, budget.amount)
        else:
            steps = _steps_of_epochs(phases, budget.amount, epoch.real if budget.unit == "real-epochs" else epoch.mix)
        ends = list(accumulate(steps))
        drawn = list(accumulate(n * phase.batch for n, phase in zip(steps, phases, strict=True)))
        self.stretches = [
            Stretch(phase, end - n, end, total - n * phase.batch)
            for phase, n, end, total in zip(phases, steps, ends, drawn, strict=True)
        ]
        self.steps, self._drawn, self._real = ends[-1], drawn[-1], epoch.real

    def at(self, step: int) -> Stretch:
        """Return the phase of a step."""
        return next(stretch for stretch in self.stretches if step < stretch.last)

    def patches(self, step: int) -> range:
        """Return the numbers of the patches in the batch of a step."""
        stretch = self.at(step)
        first = stretch.first_patch + (step - stretch.first) * stretch.phase.batch
        return range(first, first + stretch.phase.batch)

    def rate(self, step: int, kind: Literal["step", "constant", "cosine", "exponential"], decay: float = 1.0) -> float:
        """Return the factor of the learning rate; each kind is multiplied by the rate of the phase.

        `constant` gives 1. `step` gives 1, and 0.1 from the middle of each phase. `cosine` rises linearly from 0 over
        the first 5 %, then falls as half a cosine to 0, over all phases together. `exponential` is multiplied by
        `decay` after every epoch of the real-only arm, counted in patches.
        """
        stretch = self.at(step)
        own = stretch.phase.rate
        if kind == "constant":
            return own
        if kind == "step":
            return own if 2 * (step - stretch.first) < stretch.last - stretch.first else 0.1 * own
        if kind == "exponential":
            return own * float(decay ** (self.patches(step).start // self._real))
        warm = max(1, self.steps // 20)
        if step < warm:
            return own * (step + 1) / warm
        return own * 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, self.steps - warm)))

    def evaluations(self, most: int) -> frozenset[int]:
        """Return the numbers of steps after which the held-out tiles are evaluated, including the last step.

        There is one evaluation per epoch of the real-only arm, counted in patches, or `most` evenly spaced ones.
        """
        n = min(most, max(1, round(self._drawn / self._real)), self.steps)
        return frozenset(self._steps_that_draw(math.ceil(self._drawn * (k + 1) / n)) for k in range(n))

    def _steps_that_draw(self, patches: int) -> int:
        """Return the number of steps after which at least so many patches have been drawn."""
        stretch = next(s for s in self.stretches if s.first_patch + (s.last - s.first) * s.phase.batch >= patches)
        return stretch.first + math.ceil((patches - stretch.first_patch) / stretch.phase.batch)


def _steps_of_epochs(phases: Sequence[Phase], epochs: int, patches: int) -> list[int]:
    whole = _divided(epochs, [phase.share for phase in phases])
    return [n * math.ceil(patches / phase.batch) for n, phase in zip(whole, phases, strict=True)]


def _steps_of_steps(phases: Sequence[Phase], total: int) -> list[int]:
    return _divided(total, [phase.share / phase.batch for phase in phases])


def _divided(total: int, weights: Sequence[float]) -> list[int]:
    """Divide a whole number in proportion to weights, without losing a part to rounding."""
    sums = list(accumulate(weights))
    ends = [round(total * part / sums[-1]) for part in sums]
    return [end - first for first, end in zip([0, *ends], ends, strict=False)]
