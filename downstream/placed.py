"""A trained network on the run's device, ready to predict."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from bench.contract import RunContext

if TYPE_CHECKING:
    from lightning_fabric.wrappers import _FabricModule


def placed(network: nn.Module, run: RunContext, *, channels_last: bool = False) -> tuple[_FabricModule, torch.device]:
    """Return a network in evaluation mode at the run's precision, with its function `features`, and its device."""
    from bench.training.fabric import Fabric

    fabric = Fabric(accelerator=run.device, devices=1, precision=run.precision)  # type: ignore[arg-type]
    if channels_last:
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    wrapped = fabric.setup_module(network.to(fabric.device).eval())
    wrapped.mark_forward_method("features")
    return wrapped, fabric.device
