"""The released network: its layers have the names of the release's checkpoints, and it computes what the release does.

Graham et al., MedIA 58:101563, 2019, in the PyTorch release (`net_desc.py`, `net_utils.py`). MONAI's HoVerNet is
another function: its strided convolutions pad on both sides, which displaces deep features by up to 11 pixels.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, NamedTuple

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn
from torch.nn import functional

from bench.errors import DataError
from downstream.files import load_fitting, read_file, tensors_of

Mode = Literal["fast", "original"]

OUTPUTS = {"fast": 164, "original": 80}
"""Side of the output in each mode, for inputs of 256 and 270 pixels."""

KERNELS = {"fast": 3, "original": 5}
"""Side of the decoders' kernels."""

UNUSED = ("upsample2x.unpool_mat",)
"""A constant that the release keeps among its weights."""

_ENCODER = ("conv0", "d0", "d1", "d2", "d3")
_FILE = "ImageNet-ResNet50-Preact_pytorch.tar of the HoVer-Net release"


class _Stage(NamedTuple):
    channels: int
    inner: int
    out: int
    units: int
    stride: int


_STAGES = (
    _Stage(64, 64, 256, 3, 1),
    _Stage(256, 128, 512, 4, 2),
    _Stage(512, 256, 1024, 6, 2),
    _Stage(1024, 512, 2048, 3, 2),
)


class PublishedHoVerNet(nn.Module):
    """HoVer-Net in `fast` (256 -> 164) or `original` (270 -> 80) mode.

    `n_types` does not count the background; 0 leaves the type branch out, as in the release.
    """

    def __init__(self, n_types: int, mode: Mode) -> None:
        super().__init__()
        # the stem is padded in fast mode only
        pad = [("pad", SamePadding(7, 1))] if mode == "fast" else []
        self.conv0 = _named(*pad, ("/", _conv(3, 64, 7)), ("bn", nn.BatchNorm2d(64)), ("relu", nn.ReLU(True)))
        self.d0, self.d1, self.d2, self.d3 = (_ResidualBlock(stage) for stage in _STAGES)
        self.conv_bot = _conv(2048, 1024, 1)
        outputs = ({"tp": n_types + 1} if n_types else {}) | {"np": 2, "hv": 2}
        self.decoder = nn.ModuleDict({name: _branch(channels, KERNELS[mode]) for name, channels in outputs.items()})
        self.apply(_initialise)

    def forward(self, images: UInt8[Tensor, "n h w 3"]) -> dict[str, Float[Tensor, "n c h w"]]:
        """Return logits `np` (2), `tp` (types + background) if there are types, and offsets `hv` (x, y)."""
        *skips, deepest = self._encoded(images)
        return {name: _decoded(branch, skips, deepest) for name, branch in self.decoder.items()}

    def features(self, images: UInt8[Tensor, "n h w 3"]) -> Float[Tensor, "n d h w"]:
        """Return the bottleneck, from which the three branches start."""
        return self._encoded(images)[-1]

    def encoder(self) -> list[nn.Module]:
        """Return the modules that are frozen together with the encoder."""
        return [getattr(self, name) for name in _ENCODER]

    def _encoded(self, images: Tensor) -> list[Tensor]:
        x = self.conv0(images.movedim(-1, 1).float() / 255)
        levels = []
        for block in (self.d0, self.d1, self.d2, self.d3):
            x = block(x)
            levels.append(x)
        return [*levels[:-1], self.conv_bot(x)]


class SamePadding(nn.Module):
    """Zeros around a map, as TensorFlow's "same" pads it: where their number is odd, one more after than before.

    A convolution of stride 2 and side 3 gets none before and one after a map of even size.
    """

    def __init__(self, kernel: int, stride: int) -> None:
        super().__init__()
        self.kernel, self.stride = kernel, stride

    def forward(self, x: Tensor) -> Tensor:
        """Return the padded map."""
        rows, columns = (self._amounts(length) for length in x.shape[2:])
        return functional.pad(x, (*columns, *rows))

    def _amounts(self, length: int) -> tuple[int, int]:
        outputs = math.ceil(length / self.stride)
        total = max((outputs - 1) * self.stride + self.kernel - length, 0)
        return total // 2, total - total // 2


class _ResidualBlock(nn.Module):
    """Bottleneck units with activation before the convolutions; only the first one strides and has a projection."""

    def __init__(self, stage: _Stage) -> None:
        super().__init__()
        self.units = nn.ModuleList(_residual_unit(stage, number) for number in range(stage.units))
        self.shortcut = _conv(stage.channels, stage.out, 1, stride=stage.stride)
        self.blk_bna = _named(("bn", nn.BatchNorm2d(stage.out)), ("relu", nn.ReLU(True)))

    def forward(self, x: Tensor) -> Tensor:
        shortcut = self.shortcut(x)
        for unit in self.units:
            x = shortcut = unit(x) + shortcut
        activated: Tensor = self.blk_bna(x)
        return activated


class _DenseBlock(nn.Module):
    """Units whose outputs are added as channels; unpadded, so the map shrinks and earlier channels are cropped."""

    def __init__(self, channels: int, kernel: int, units: int) -> None:
        super().__init__()
        self.units = nn.ModuleList(_dense_unit(channels + 32 * number, kernel) for number in range(units))
        self.blk_bna = _named(("bn", nn.BatchNorm2d(channels + 32 * units)), ("relu", nn.ReLU(True)))

    def forward(self, x: Tensor) -> Tensor:
        for unit in self.units:
            new = unit(x)
            x = torch.cat([_cropped(x, new), new], dim=1)
        activated: Tensor = self.blk_bna(x)
        return activated


def load_encoder(network: PublishedHoVerNet, path: Path) -> None:
    """Load the encoder of a file: the release's ImageNet weights, or a checkpoint of the same mode.

    Raises:
        DataError: the file is unreadable, holds another network's weights, or is a checkpoint of the other mode.
    """
    tensors = tensors_of(read_file(path, _FILE), "desc")
    check_mode(tensors, mode_of(network.state_dict()), path)
    mine = {name: value for name, value in tensors.items() if name.startswith(tuple(f"{part}." for part in _ENCODER))}
    encoder = nn.ModuleDict({name: getattr(network, name) for name in _ENCODER})
    load_fitting(encoder, mine, "the encoder of HoVer-Net", path)


def mode_of(tensors: Mapping[str, Tensor]) -> Mode | None:
    """Return the mode that the decoders' kernels show; None if there are no decoders, as in a file of an encoder."""
    weight = tensors.get("decoder.np.u3.conva.weight")
    sides: Mapping[int, Mode] = {3: "fast", 5: "original"}
    return None if weight is None else sides.get(weight.shape[-1])


def check_mode(tensors: Mapping[str, Tensor], wanted: Mode | None, path: Path) -> None:
    """Refuse a checkpoint of another mode.

    Raises:
        DataError: the decoders of the file have kernels of the other mode.
    """
    found = mode_of(tensors)
    if found is not None and wanted is not None and found != wanted:
        raise DataError(
            f"The checkpoint {path} is of HoVer-Net's mode {found}, not {wanted}",
            got=f"decoders with kernels of {KERNELS[found]} x {KERNELS[found]}",
            fix=f"choose the mode {found}, or a checkpoint of the mode {wanted}",
        )


def _residual_unit(stage: _Stage, number: int) -> nn.Sequential:
    first = number == 0
    before = [] if first else [("preact/bn", nn.BatchNorm2d(stage.out)), ("preact/relu", nn.ReLU(True))]
    stride = stage.stride if first else 1
    return _named(
        *before,
        ("conv1", _conv(stage.channels if first else stage.out, stage.inner, 1)),
        ("conv1/bn", nn.BatchNorm2d(stage.inner)),
        ("conv1/relu", nn.ReLU(True)),
        ("conv2/pad", SamePadding(3, stride)),
        ("conv2", _conv(stage.inner, stage.inner, 3, stride=stride)),
        ("conv2/bn", nn.BatchNorm2d(stage.inner)),
        ("conv2/relu", nn.ReLU(True)),
        ("conv3", _conv(stage.inner, stage.out, 1)),
    )


def _dense_unit(channels: int, kernel: int) -> nn.Sequential:
    return _named(
        ("preact_bna/bn", nn.BatchNorm2d(channels)),
        ("preact_bna/relu", nn.ReLU(True)),
        ("conv1", _conv(channels, 128, 1)),
        ("conv1/bn", nn.BatchNorm2d(128)),
        ("conv1/relu", nn.ReLU(True)),
        ("conv2", _conv(128, 32, kernel, groups=4)),
    )


def _branch(outputs: int, kernel: int) -> nn.Module:
    last = _named(("conva/pad", SamePadding(kernel, 1)), ("conva", _conv(256, 64, kernel)))
    head = _named(("bn", nn.BatchNorm2d(64)), ("relu", nn.ReLU(True)), ("conv", nn.Conv2d(64, outputs, 1)))
    return _named(
        ("u3", _dense_level(1024, 256, 8, kernel)),
        ("u2", _dense_level(512, 128, 4, kernel)),
        ("u1", last),
        ("u0", head),
    )


def _dense_level(channels: int, inner: int, units: int, kernel: int) -> nn.Sequential:
    block, out = _DenseBlock(inner, kernel, units), inner + 32 * units
    return _named(("conva", _conv(channels, inner, kernel)), ("dense", block), ("convf", _conv(out, out, 1)))


def _decoded(branch: nn.Module, skips: list[Tensor], x: Tensor) -> Tensor:
    for name, skip in zip(("u3", "u2", "u1"), reversed(skips), strict=True):
        larger = functional.interpolate(x, scale_factor=2.0, mode="nearest")
        x = branch.get_submodule(name)(larger + _cropped(skip, larger))
    return torch.as_tensor(branch.get_submodule("u0")(x))


def _cropped(x: Tensor, like: Tensor) -> Tensor:
    """Return the central part of `x` with the height and width of `like`."""
    (height, width), (rows, columns) = x.shape[2:], like.shape[2:]
    top, left = (height - rows) // 2, (width - columns) // 2
    return x[:, :, top : top + rows, left : left + columns]


def _named(*layers: tuple[str, nn.Module]) -> nn.Sequential:
    return nn.Sequential(OrderedDict(layers))


def _conv(channels: int, out: int, kernel: int, *, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    return nn.Conv2d(channels, out, kernel, stride=stride, groups=groups, bias=False)


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        if module.bias is not None:
            nn.init.zeros_(module.bias)
