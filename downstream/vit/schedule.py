"""The number of steps of a budget, and the learning rate of each step: linear warm-up, then half a cosine."""

from __future__ import annotations

import math

from bench.contract import Budget
from downstream.vit.config import ViTConfig


def steps_of(budget: Budget, images: int, batch: int) -> int:
    """Return the number of optimiser steps of a budget; an epoch has ceil(images / batch) steps."""
    return budget.amount if budget.unit == "steps" else budget.amount * math.ceil(images / batch)


def rate(step: int, steps: int, config: ViTConfig) -> float:
    """Return the factor of the learning rate at a step."""
    warm = round(config.warmup * steps)
    first, last = config.warmup_learning_rate / config.learning_rate, config.final_learning_rate / config.learning_rate
    if step < warm:
        return first + (1 - first) * step / warm
    done = (step - warm) / max(1, steps - warm)
    return last + (1 - last) * 0.5 * (1 + math.cos(math.pi * done))


def evaluation_steps(steps: int, evaluations: int) -> frozenset[int]:
    """Return the numbers of steps after which the hold-out is evaluated: evenly spaced, including the last step."""
    n = min(evaluations, steps)
    return frozenset(math.ceil(steps * (k + 1) / n) for k in range(n))
