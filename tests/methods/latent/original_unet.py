"""A denoiser of latents whose module tree is the original latent-diffusion code's, in plain torch."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate


@dataclass(frozen=True)
class Shape:
    """Options of the original by our names; `head_channels` gives heads of one width where `heads` is None."""

    channels: int = 3
    width: int = 8
    multipliers: tuple[int, ...] = (1, 2)
    blocks: int = 1
    attention_factors: tuple[int, ...] = (2,)
    heads: int | None = 2
    head_channels: int = 4
    groups: int = 4
    scale_shift: bool = True
    residual: bool = True


class Residual(nn.Module):
    def __init__(self, shape: Shape, a: int, b: int, resample: str = "") -> None:
        super().__init__()
        steps = 4 * shape.width
        self.scale_shift, self.resample = shape.scale_shift, resample
        self.in_layers = nn.Sequential(nn.GroupNorm(shape.groups, a), nn.SiLU(), nn.Conv2d(a, b, 3, padding=1))
        self.emb_layers = nn.Sequential(nn.SiLU(), nn.Linear(steps, 2 * b if shape.scale_shift else b))
        self.out_layers = nn.Sequential(
            nn.GroupNorm(shape.groups, b), nn.SiLU(), nn.Dropout(0.1), nn.Conv2d(b, b, 3, padding=1)
        )
        self.skip_connection = nn.Conv2d(a, b, 1) if a != b else nn.Identity()

    def forward(self, x: Tensor, steps: Tensor) -> Tensor:
        norm, activation, convolution = self.in_layers
        h = activation(norm(x))
        if self.resample == "down":
            h, x = avg_pool2d(h, 2), avg_pool2d(x, 2)
        elif self.resample == "up":
            h, x = interpolate(h, scale_factor=2.0), interpolate(x, scale_factor=2.0)
        h, told = convolution(h), self.emb_layers(steps)[:, :, None, None]
        norm, *rest = self.out_layers
        if self.scale_shift:
            half = told.shape[1] // 2
            h = norm(h) * (1 + told[:, :half]) + told[:, half:]
        else:
            h = norm(h + told)
        for layer in rest:
            h = layer(h)
        return self.skip_connection(x) + h


class Attention(nn.Module):
    def __init__(self, shape: Shape, width: int) -> None:
        super().__init__()
        self.heads = width // shape.head_channels if shape.heads is None else shape.heads
        self.norm = nn.GroupNorm(shape.groups, width)
        self.qkv, self.proj_out = nn.Conv1d(width, 3 * width, 1), nn.Conv1d(width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        each = x.shape[1] // self.heads
        mixed, drawn = self.qkv(self.norm(x).flatten(2)), []
        for head in range(self.heads):
            q, k, v = mixed[:, 3 * head * each : 3 * (head + 1) * each].split(each, dim=1)
            share = torch.softmax(q.transpose(1, 2) @ k / math.sqrt(each), dim=-1)
            drawn.append(v @ share.transpose(1, 2))
        return x + self.proj_out(torch.cat(drawn, dim=1)).view_as(x)


class Down(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.op = nn.Conv2d(width, width, 3, stride=2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.op(x)


class Up(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(interpolate(x, scale_factor=2.0))


class Chain(nn.ModuleList):
    def forward(self, x: Tensor, steps: Tensor) -> Tensor:
        for layer in self:
            x = layer(x, steps) if isinstance(layer, Residual) else layer(x)
        return x


class OriginalUNet(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.width, steps = shape.width, 4 * shape.width
        self.time_embed = nn.Sequential(nn.Linear(shape.width, steps), nn.SiLU(), nn.Linear(steps, steps))
        self.input_blocks = nn.ModuleList([Chain([nn.Conv2d(shape.channels, shape.width, 3, padding=1)])])
        kept, width, last = [shape.width], shape.width, len(shape.multipliers) - 1
        for level, multiplier in enumerate(shape.multipliers):
            for _ in range(shape.blocks):
                chain = Chain([Residual(shape, width, multiplier * shape.width)])
                width = multiplier * shape.width
                if 2**level in shape.attention_factors:
                    chain.append(Attention(shape, width))
                self.input_blocks.append(chain)
                kept.append(width)
            if level < last:
                self.input_blocks.append(
                    Chain([Residual(shape, width, width, "down") if shape.residual else Down(width)])
                )
                kept.append(width)
        self.middle_block = Chain(
            [Residual(shape, width, width), Attention(shape, width), Residual(shape, width, width)]
        )
        self.output_blocks = nn.ModuleList()
        for level, multiplier in reversed(list(enumerate(shape.multipliers))):
            for index in range(shape.blocks + 1):
                chain = Chain([Residual(shape, width + kept.pop(), multiplier * shape.width)])
                width = multiplier * shape.width
                if 2**level in shape.attention_factors:
                    chain.append(Attention(shape, width))
                if level and index == shape.blocks:
                    chain.append(Residual(shape, width, width, "up") if shape.residual else Up(width))
                self.output_blocks.append(chain)
        self.out = nn.Sequential(
            nn.GroupNorm(shape.groups, width), nn.SiLU(), nn.Conv2d(width, shape.channels, 3, padding=1)
        )

    def forward(self, x: Tensor, times: Tensor) -> Tensor:
        half = self.width // 2
        angles = times[:, None].float() * torch.exp(-math.log(10000) * torch.arange(half) / half)
        steps, kept = self.time_embed(torch.cat([angles.cos(), angles.sin()], dim=1)), []
        for chain in self.input_blocks:
            x = chain(x, steps)
            kept.append(x)
        x = self.middle_block(x, steps)
        for chain in self.output_blocks:
            x = chain(torch.cat([x, kept.pop()], dim=1), steps)
        return self.out(x)


def original(shape: Shape, seed: int = 0) -> OriginalUNet:
    """Make one in which no weight is where layers start, so that each counts."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = OriginalUNet(shape).eval()
        for tensor in network.parameters():
            tensor.data += 0.1 * torch.randn_like(tensor)
    return network
