"""The variance of the reverse step: fixed, or learned between two bounds (Nichol and Dhariwal 2021, section 3.1)."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from methods.diffusion.schedule import NoiseSchedule, at


def split_output(output: Tensor, learned: bool) -> tuple[Tensor, Tensor | None]:
    """Split the network's output into the prediction and the variance logits, if it has them."""
    if not learned:
        return output, None
    prediction, logits = output.chunk(2, dim=1)
    return prediction, logits


def log_variance(logits: Tensor | None, schedule: NoiseSchedule, index: int | Tensor, like: Tensor) -> Tensor:
    """Return the log variance of p(x_{t-1} | x_t).

    A learned variance is v log beta + (1 - v) log of the posterior's variance, with v = (logits + 1) / 2. A fixed one
    is the posterior's.
    """
    low = at(schedule.log_variance, index, like)
    if logits is None:
        return torch.zeros_like(like) + low
    share = (logits + 1) / 2
    return share * at(np.log(schedule.betas), index, like) + (1 - share) * low
