"""The published network: an EfficientNet-B0 encoder at full resolution, three decoders with pyramids of features."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn
from torch.nn import functional

TAPS = {0: 16, 1: 24, 2: 40, 4: 112}
"""Stages of the encoder after which the decoders take features, and the numbers of channels there."""

BOTTOM = 1024
"""Channels of the layer that the three decoders share."""


class Features(NamedTuple):
    """What the decoders read: sides 270, 135, 68, 34 and 17 for an input of 270 px."""

    full: Tensor
    half: Tensor
    quarter: Tensor
    eighth: Tensor
    bottom: Tensor


class PublishedSonnet(nn.Module):
    """SONNET (270 -> 76); without types (`n_types` 0) there is no type decoder."""

    def __init__(self, n_types: int) -> None:
        super().__init__()
        self.n_types = n_types
        self.encoder = Encoder()
        self.bottom = nn.Conv2d(1280, BOTTOM, 1, bias=False)
        outputs = {"np": 2, "ord": 16} | ({"tp": n_types + 1} if n_types else {})
        self.decoders = nn.ModuleDict({name: Decoder() for name in outputs})
        self.heads = nn.ModuleDict(
            {
                name: nn.Sequential(nn.BatchNorm2d(128), nn.ReLU(inplace=True), nn.Conv2d(128, channels, 1))
                for name, channels in outputs.items()
            }
        )
        for module in (self.bottom, self.decoders, self.heads):
            module.apply(_initialise)

    def forward(self, images: UInt8[Tensor, "n 270 270 3"]) -> dict[str, Float[Tensor, "n c 76 76"]]:
        """Return logits `np` (2), `ord` (8 pairs of off and on) and `tp` (types + background)."""
        features = self._encode(images)
        return {name: head(self.decoders[name](features)) for name, head in self.heads.items()}

    def features(self, images: UInt8[Tensor, "n 270 270 3"]) -> Float[Tensor, "n 1024 17 17"]:
        """Return the layer from which the three decoders start."""
        return self._encode(images).bottom

    def _encode(self, images: Tensor) -> Features:
        full, half, quarter, eighth, top = self.encoder(images.movedim(-1, 1).float() / 255)
        return Features(full, half, quarter, eighth, self.bottom(top))


class Encoder(nn.Module):
    """EfficientNet-B0 with a stride of 1 in its first layer, and with its last 1 x 1 convolution.

    Like the release, it pads as TensorFlow does ("same": 0 before and 1 after at stride 2 and an even size), which is
    what timm's `tf_` networks do, drops residual branches with up to 0.2, and normalises with an epsilon of 1e-5 and a
    momentum of 0.1 (tensorpack's 0.9). Names are those of timm.
    """

    def __init__(self) -> None:
        import timm

        super().__init__()
        net: Any = timm.create_model("tf_efficientnet_b0", drop_path_rate=0.2, bn_eps=1e-5, bn_momentum=0.1)
        self.conv_stem, self.bn1, self.blocks, self.conv_head = net.conv_stem, net.bn1, net.blocks, net.conv_head
        self.conv_stem.stride = (1, 1)

    def forward(self, images: Float[Tensor, "n 3 h w"]) -> list[Tensor]:
        """Return the features at `TAPS`, and those of the last convolution."""
        x = self.bn1(self.conv_stem(images))
        found = []
        for number, stage in enumerate(self.blocks):
            x = stage(x)
            if number in TAPS:
                found.append(x)
        return [*found, self.conv_head(x)]


class Decoder(nn.Module):
    """From the encoder's features to 128 channels for the middle 76 x 76 pixels."""

    def __init__(self) -> None:
        super().__init__()
        full, half, quarter, eighth = TAPS.values()
        self.s5 = unit(BOTTOM, 256, 1)
        self.s4 = Level(eighth, last_is_normalised=True)
        self.s3 = Level(quarter)
        self.s2 = Level(half, padding=1)
        self.pyramid = nn.ModuleList(
            (
                nn.Sequential(unit(256, 128, 5, padding=2), unit(128, 128, 5, padding=2)),
                nn.Sequential(unit(256, 128, 5), unit(128, 128, 3)),
                nn.Sequential(unit(256, 128, 5), unit(128, 128, 5)),
                nn.Sequential(unit(256, 128, 5), unit(128, 128, 5)),
            )
        )
        self.join = nn.Sequential(unit(512, 256, 5, padding=2), unit(256, 256, 5, padding=2))
        self.full = unit(full, 256, 1)
        self.last = nn.Conv2d(256, 128, 5, bias=False)

    def forward(self, features: Features) -> Float[Tensor, "n 128 76 76"]:
        """Return the features of the head."""
        s5 = self.s5(features.bottom)
        s4 = self.s4(features.eighth, s5)
        s3 = self.s3(features.quarter, s4)
        s2 = self.s2(features.half, s3)
        levels = (s2, s3, crop(s4, 18), crop(s5, 13))
        found = [enlarge(path(x), factor) for path, x, factor in zip(self.pyramid, levels, (1, 2, 4, 8), strict=True)]
        joined = enlarge(self.join(torch.cat(found, 1)), 2)
        last: Tensor = self.last(self.full(crop(features.full, joined.shape[-1])) + joined)
        return last


class Level(nn.Module):
    """Join the encoder's features with those from below, then four paths of different reach; crops 4 + 8 pixels.

    The fourth path of the deepest level ends with a normalisation, and those of the others do not.
    """

    def __init__(self, channels: int, padding: int = 0, *, last_is_normalised: bool = False) -> None:
        super().__init__()
        self.project = unit(channels, 256, 1)
        self.conv = nn.Conv2d(256, 256, 5, bias=False)
        self.paths = nn.ModuleList(_path(kernel, dilation) for kernel, dilation in ((3, 1), (5, 1), (3, 2), (5, 2)))
        self.path_norm = _norm(32) if last_is_normalised else nn.Identity()
        self.norm = _norm(256 + 4 * 32)
        self.mix = unit(256 + 4 * 32, 256, 3, padding=padding)

    def forward(self, x: Tensor, below: Tensor) -> Tensor:
        """Return 256 channels, twice as large as `below` without its border."""
        below = enlarge(below, 2)
        x = self.conv(crop(self.project(x), below.shape[-1]) + below)
        side = x.shape[-1] - 8
        *short, longest = (crop(path(x), side) for path in self.paths)
        mixed: Tensor = self.mix(self.norm(torch.cat([crop(x, side), *short, self.path_norm(longest)], 1)))
        return mixed


def crop(x: Tensor, side: int) -> Tensor:
    """Return the middle of square maps; where it cannot be central, one more row and column is cut at the end."""
    first = (x.shape[-1] - side) // 2
    return x[..., first : first + side, first : first + side]


def enlarge(x: Tensor, factor: int) -> Tensor:
    """Repeat pixels."""
    return x if factor == 1 else functional.interpolate(x, scale_factor=float(factor), mode="nearest")


def unit(channels: int, out: int, kernel: int, padding: int = 0) -> nn.Sequential:
    """Return a convolution with normalisation and ReLU."""
    return nn.Sequential(nn.Conv2d(channels, out, kernel, padding=padding, bias=False), *_norm(out))


def _norm(channels: int) -> nn.Sequential:
    return nn.Sequential(nn.BatchNorm2d(channels), nn.ReLU(inplace=True))


def _path(kernel: int, dilation: int) -> nn.Sequential:
    return nn.Sequential(
        nn.BatchNorm2d(256),
        nn.ReLU(inplace=True),
        *unit(256, 128, 1),
        nn.Conv2d(128, 32, kernel, dilation=dilation, bias=False),
    )


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out")
        if module.bias is not None:
            nn.init.zeros_(module.bias)
