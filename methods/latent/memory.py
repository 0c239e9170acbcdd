"""The memory format of denoisers of latents, of their classifiers, and of what they read."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def layout_on(device: torch.device | str) -> torch.memory_format:
    """Return the memory format for a device: channels last on CUDA, where convolutions are faster with it.

    On CPUs it can cost a denoiser a digit in float32 and saves no time at the sizes that run there. The autoencoder's
    codec keeps channels last everywhere: it is equally exact, and decodes a third faster on CPUs.
    """
    return torch.channels_last if torch.device(device).type == "cuda" else torch.contiguous_format


def laid_out(x: Tensor) -> Tensor:
    """Return latents in the memory format of their device."""
    return x.contiguous(memory_format=layout_on(x.device))


def lay_out(network: nn.Module, device: torch.device | str) -> nn.Module:
    """Bring a network into the memory format of the device that it is about to move to."""
    return network.to(memory_format=layout_on(device))  # type: ignore[call-overload,no-any-return]
