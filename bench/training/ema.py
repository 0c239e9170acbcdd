"""Exponential moving average of weights, with a horizon tied to the number of steps."""

from __future__ import annotations

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

Tensors = tuple[torch.Tensor, ...] | list[torch.Tensor]


def ema_decay(limit: float, step: int) -> float:
    """Decay of the average after update number `step` (from 0): min(limit, (1 + step) / (10 + step)).

    A fixed .9999 has a horizon of ten thousand steps: in a run of a thousand its average is still mostly the
    initial noise.
    """
    return min(limit, (1 + step) / (10 + step))


def make_ema(model: nn.Module, limit: float) -> AveragedModel:
    """Return an average of `model`'s parameters and buffers whose decay warms up to `limit`."""

    def average(averaged: Tensors, current: Tensors, count: torch.Tensor | int) -> None:
        decay = ema_decay(limit, int(count))
        floating = [(a, c) for a, c in zip(averaged, current, strict=True) if torch.is_floating_point(a)]
        if floating:
            torch._foreach_lerp_([a for a, _ in floating], [c for _, c in floating], 1 - decay)
        for a, c in zip(averaged, current, strict=True):
            if not torch.is_floating_point(a):
                a.copy_(c)

    return AveragedModel(model, multi_avg_fn=average, use_buffers=True)
