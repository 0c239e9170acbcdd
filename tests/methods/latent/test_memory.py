"""Memory formats by device, and the exactness that the format on CPUs is for."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from methods.latent.memory import laid_out, lay_out, layout_on


@pytest.mark.parametrize(
    ("device", "layout"),
    [("cpu", torch.contiguous_format), ("cuda:1", torch.channels_last), ("cuda", torch.channels_last)],
)
def test_channels_come_last_on_cuda_alone(device: str, layout: torch.memory_format) -> None:
    assert layout_on(device) == layout
    network = lay_out(nn.Conv2d(4, 8, 3), device)
    assert network.weight.is_contiguous(memory_format=layout)


def test_features_on_the_cpu_are_plain() -> None:
    last = torch.randn(2, 4, 3, 3).contiguous(memory_format=torch.channels_last)
    assert laid_out(last).is_contiguous()
    assert torch.equal(laid_out(last), last)
