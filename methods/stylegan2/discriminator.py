"""The discriminator: residual blocks, minibatch standard deviation, projection on the embedded class."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from methods.stylegan2.config import NetworkSettings
from methods.stylegan2.generator import Mapping
from methods.stylegan2.layers import EqualConv, EqualLinear


class Residual(nn.Module):
    """Two convolutions in parallel with a plain one, all of which halve the size; the sum keeps its variance."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first = EqualConv(inputs, inputs, 3)
        self.second = EqualConv(inputs, outputs, 3, down=True)
        self.skip = EqualConv(inputs, outputs, 1, down=True, plain=True)

    def forward(self, x: Float[Tensor, "n i h w"]) -> Float[Tensor, "n o h/2 w/2"]:
        """Halve the size."""
        result: Tensor = (self.second(self.first(x)) + self.skip(x)) * math.sqrt(0.5)
        return result


class Discriminator(nn.Module):
    """Returns a logit for how real images of a class look; images are in [-1, 1]."""

    def __init__(self, size: int, classes: int, settings: NetworkSettings) -> None:
        super().__init__()
        channels = settings.channels
        sizes = [size // 2**level for level in range((size // 4).bit_length())]
        self.from_rgb = EqualConv(3, channels(size), 1)
        self.blocks = nn.ModuleList(Residual(channels(s), channels(s // 2)) for s in sizes[:-1])
        last = channels(4)
        self.convolution = EqualConv(last + 1, last, 3)
        self.dense = EqualLinear(last * 16, last)
        self.out = EqualLinear(last, settings.latent)
        self.condition = Mapping(0, settings.latent, classes, settings.mapping_layers)
        self._group = settings.statistic_group

    def forward(self, images: Float[Tensor, "n 3 h w"], labels: Int[Tensor, " n"]) -> Float[Tensor, " n"]:
        """Return <features, condition> / sqrt(dimensions): projection (Miyato and Koyama 2018, as in ADA)."""
        x = self.from_rgb(images)
        for block in self.blocks:
            x = block(x)
        with torch.autocast(x.device.type, enabled=False):
            x = x.to(self.out.weight.dtype)
            x = self.convolution(torch.cat([x, spread_channel(x, self._group)], dim=1))
            x = self.out(self.dense(x.flatten(1), activated=True))
            condition = self.condition(None, labels)
            result: Tensor = (x * condition).sum(dim=1) / math.sqrt(x.shape[1])
            return result


def spread_channel(x: Float[Tensor, "n c h w"], group: int) -> Float[Tensor, "n 1 h w"]:
    """Return the minibatch standard deviation as a channel (Karras et al. 2018, section 3; one statistic per group).

    A group consists of `group` images, every (n / group)-th of the batch. The statistic is the deviation over the group
    (divided by its size, not by one less), averaged over channels and pixels; it is equal for all images of the group.
    """
    n, _, h, w = x.shape
    members = min(group, n)
    grouped = x.reshape(members, n // members, -1)
    spread = (grouped.var(dim=0, correction=0) + 1e-8).sqrt().mean(dim=1)
    return spread.repeat(members).view(n, 1, 1, 1).expand(n, 1, h, w)
