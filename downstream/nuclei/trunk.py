"""The small network that the nucleus networks share: a U-Net whose outputs have the size of its input."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

from jaxtyping import Float, UInt8
from torch import Tensor, nn
from torch.nn import functional

ALIGN = 16
"""The sides of inputs must be divisible by this."""

MARGIN = 16
"""Pixels at the border of a window that are cut off at inference, because padding affects them most."""


class SmallUNet(nn.Module):
    """A U-Net with one decoder, whose last layer all heads share.

    It works at half resolution throughout: blocks of 2 x 2 pixels are stacked into channels, and the heads spread them
    again. A pixel then costs a quarter, and nuclei are still about 4 px wide. Batch normalisation, as in HoVer-Net,
    keeps the network equivariant to translation (by its stride), so a whole tile can be predicted at a time although
    training used patches.

    Args:
        heads: number of channels of each output, by name.
        width: number of channels at half resolution.
    """

    def __init__(self, heads: Mapping[str, int], width: int) -> None:
        super().__init__()
        widths = (width, 2 * width, 3 * width, 4 * width)
        self.stem = nn.Sequential(conv(12, width), conv(width, width))
        self.down = nn.ModuleList(nn.Sequential(conv(a, b, stride=2), conv(b, b)) for a, b in pairwise(widths))
        self.up = nn.ModuleList(Up(b, a) for a, b in pairwise(widths))
        self.shared = conv(width, 2 * width)
        self.heads = nn.ModuleDict({name: nn.Conv2d(2 * width, 4 * channels, 1) for name, channels in heads.items()})

    def forward(self, images: UInt8[Tensor, "n h w 3"]) -> dict[str, Float[Tensor, "n c h w"]]:
        """Return the outputs by name."""
        shared = self.features(images)
        return {name: functional.pixel_shuffle(head(shared), 2) for name, head in self.heads.items()}

    def features(self, images: UInt8[Tensor, "n h w 3"]) -> Float[Tensor, "n d p q"]:
        """Return the layer that the heads share."""
        x = self.stem(functional.pixel_unshuffle(images.movedim(-1, 1).float() / 127.5 - 1, 2))
        skips = []
        for level in self.down:
            skips.append(x)
            x = level(x)
        for level, skip in zip(reversed(self.up), reversed(skips), strict=True):
            x = level(x, skip)
        shared: Tensor = self.shared(x)
        return shared

    def encoder(self) -> list[nn.Module]:
        """Return the modules that are frozen together with the encoder."""
        return [self.stem, self.down]


class Up(nn.Module):
    """Project, upsample by two, add the skip connection, and convolve."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.project = nn.Conv2d(channels, out, 1, bias=False)
        self.mix = conv(out, out)

    def forward(self, x: Float[Tensor, "n c p q"], skip: Float[Tensor, "n d h w"]) -> Float[Tensor, "n d h w"]:
        """Return the features of twice the size."""
        mixed: Tensor = self.mix(functional.interpolate(self.project(x), scale_factor=2.0, mode="nearest") + skip)
        return mixed


def conv(channels: int, out: int, stride: int = 1) -> nn.Sequential:
    """Return a 3 x 3 convolution that keeps the size (at stride 1), with normalisation and ReLU."""
    return nn.Sequential(
        nn.Conv2d(channels, out, 3, stride=stride, padding=1, bias=False), nn.BatchNorm2d(out), nn.ReLU(inplace=True)
    )
