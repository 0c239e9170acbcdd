"""A classifier whose module tree is that of ADM's code as HistoDiffusion uses it, in plain torch."""

from __future__ import annotations

import math
from pathlib import Path

import torch
from torch import Tensor, nn

from tests.methods.latent.original_unet import Attention, Chain, Residual, Shape

SMALL = Shape(width=8, multipliers=(1, 2, 2), blocks=2, attention_factors=(2, 4), heads=None, head_channels=4, groups=4)


class Pool(nn.Module):
    """Attention of the mean token: all queries, then all keys, then all values."""

    def __init__(self, side: int, width: int, head_channels: int, classes: int) -> None:
        super().__init__()
        self.head_channels = head_channels
        self.positional_embedding = nn.Parameter(torch.randn(width, side * side + 1) / width**0.5)
        self.qkv_proj, self.c_proj = nn.Conv1d(width, 3 * width, 1), nn.Conv1d(width, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = x.flatten(2)
        x = torch.cat([x.mean(dim=2, keepdim=True), x], dim=2) + self.positional_embedding
        drawn = []
        parts = (part.split(self.head_channels, dim=1) for part in self.qkv_proj(x).chunk(3, dim=1))
        for q, k, v in zip(*parts, strict=True):
            share = torch.softmax(q.transpose(1, 2) @ k / math.sqrt(self.head_channels), dim=-1)
            drawn.append(v @ share.transpose(1, 2))
        return self.c_proj(torch.cat(drawn, dim=1))[:, :, 0]


class OriginalClassifier(nn.Module):
    def __init__(self, shape: Shape, size: int, classes: int) -> None:
        super().__init__()
        self.width, steps, width = shape.width, 4 * shape.width, shape.width
        self.time_embed = nn.Sequential(nn.Linear(width, steps), nn.SiLU(), nn.Linear(steps, steps))
        self.input_blocks = nn.ModuleList([Chain([nn.Conv2d(shape.channels, width, 3, padding=1)])])
        for level, multiplier in enumerate(shape.multipliers):
            for _ in range(shape.blocks):
                chain = Chain([Residual(shape, width, multiplier * shape.width)])
                width = multiplier * shape.width
                if 2**level in shape.attention_factors:
                    chain.append(Attention(shape, width))
                self.input_blocks.append(chain)
            if level < len(shape.multipliers) - 1:
                self.input_blocks.append(Chain([Residual(shape, width, width, "down")]))
        self.middle_block = Chain(
            [Residual(shape, width, width), Attention(shape, width), Residual(shape, width, width)]
        )
        side = size // 2 ** (len(shape.multipliers) - 1)
        self.out = nn.Sequential(
            nn.GroupNorm(shape.groups, width), nn.SiLU(), Pool(side, width, shape.head_channels, classes)
        )

    def forward(self, x: Tensor, times: Tensor) -> Tensor:
        half = self.width // 2
        angles = times[:, None].float() * torch.exp(-math.log(10000) * torch.arange(half) / half)
        steps = self.time_embed(torch.cat([angles.cos(), angles.sin()], dim=1))
        for chain in self.input_blocks:
            x = chain(x, steps)
        return self.out(self.middle_block(x, steps))


def original_classifier(shape: Shape = SMALL, size: int = 8, classes: int = 3, seed: int = 0) -> OriginalClassifier:
    """Make one in which no weight is where layers start, so that each counts."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = OriginalClassifier(shape, size, classes).eval()
        for tensor in network.parameters():
            tensor.data += 0.1 * torch.randn_like(tensor)
    return network


def write_classifier(path: Path, shape: Shape = SMALL, size: int = 8, classes: int = 3) -> Path:
    """Write one as the release does: the bare state dict."""
    torch.save(original_classifier(shape, size, classes).state_dict(), path)
    return path
