"""The released network: its layers have the names of the release's checkpoints, and it computes what the release does.

Hörst et al., MedIA 94:103143, 2024, in the release with shared skip connections (`cellvit.py`).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from downstream.cellvit.encoder import NECK, WIDTH, SAMEncoder

BRANCHES = {
    "nuclei_binary_map": "nuclei_binary_map_decoder",
    "hv_map": "hv_map_decoder",
    "nuclei_type_map": "nuclei_type_maps_decoder",
}
"""The outputs and the layers that compute them."""

_DEEP = 512


def tissue_count(tissues: Sequence[str]) -> int:
    """Return how many tissues the tissue head tells apart; 0, so no head, where a dataset has fewer than two."""
    return len(tissues) if len(tissues) > 1 else 0


class PublishedCellViT(nn.Module):
    """CellViT with SAM's ViT-B: maps of the size of the input, whose sides must be divisible by 16.

    Args:
        n_types: number of nucleus classes without the background; 0 leaves the type branch out.
        n_tissues: number of tissues; 0 leaves the tissue head out.
    """

    def __init__(self, n_types: int, n_tissues: int) -> None:
        super().__init__()
        self.encoder = SAMEncoder()
        # The three branches share these four trunks, which compute their skip connections.
        self.decoder0 = nn.Sequential(_Block(3, 32), _Block(32, 64))
        self.decoder1 = nn.Sequential(_Up(WIDTH, _DEEP), _Up(_DEEP, 256), _Up(256, 128))
        self.decoder2 = nn.Sequential(_Up(WIDTH, _DEEP), _Up(_DEEP, 256))
        self.decoder3 = nn.Sequential(_Up(WIDTH, _DEEP))
        channels = {"nuclei_binary_map": 2, "hv_map": 2} | ({"nuclei_type_map": n_types + 1} if n_types else {})
        self._branches = {name: BRANCHES[name] for name in channels}
        for name, layers in self._branches.items():
            self.add_module(layers, _branch(channels[name]))
        self.classifier_head = nn.Linear(NECK, n_tissues) if n_tissues else None

    def forward(self, images: UInt8[Tensor, "n h w 3"]) -> dict[str, Float[Tensor, "n c *size"]]:
        """Return logits `nuclei_binary_map` (2), `nuclei_type_map` (types + background), `tissue_types`; `hv_map`.

        The release computes the trunks once per branch, which gives the same; only in training do its batch
        normalisations count every batch three times.
        """
        scaled = _scaled(images)
        neck, (z1, z2, z3, z4) = self.encoder(scaled)
        skips = [self.decoder3(z3), self.decoder2(z2), self.decoder1(z1), self.decoder0(scaled)]
        output = {name: _decoded(self.get_submodule(layers), z4, skips) for name, layers in self._branches.items()}
        if self.classifier_head is not None:
            output["tissue_types"] = self.classifier_head(neck.mean((2, 3)))
        return output

    def features(self, images: UInt8[Tensor, "n h w 3"]) -> Float[Tensor, "n 256 p q"]:
        """Return the output of the encoder's neck, from which the tissue is read."""
        neck: Tensor = self.encoder(_scaled(images)).neck
        return neck

    def frozen(self) -> list[nn.Module]:
        """Return the modules that are frozen together with the encoder."""
        return [self.encoder]


class _Block(nn.Module):
    """A convolution of side 3, batch normalisation and ReLU."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.block = nn.Sequential(nn.Conv2d(channels, out, 3, padding=1), nn.BatchNorm2d(out), nn.ReLU(True))

    def forward(self, x: Tensor) -> Tensor:
        """Return the convolved maps."""
        return torch.as_tensor(self.block(x))


class _Up(nn.Module):
    """A transposed convolution that doubles the size, then a convolution with batch normalisation and ReLU."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        convolution = nn.Conv2d(out, out, 3, padding=1)
        self.block = nn.Sequential(_double(channels, out), convolution, nn.BatchNorm2d(out), nn.ReLU(True))

    def forward(self, x: Tensor) -> Tensor:
        """Return the enlarged maps."""
        return torch.as_tensor(self.block(x))


def _branch(channels: int) -> nn.Sequential:
    layers = {
        "bottleneck_upsampler": _double(WIDTH, _DEEP),
        "decoder3_upsampler": nn.Sequential(
            _Block(2 * _DEEP, _DEEP), _Block(_DEEP, _DEEP), _Block(_DEEP, _DEEP), _double(_DEEP, 256)
        ),
        "decoder2_upsampler": nn.Sequential(_Block(512, 256), _Block(256, 256), _double(256, 128)),
        "decoder1_upsampler": nn.Sequential(_Block(256, 128), _Block(128, 128), _double(128, 64)),
        "decoder0_header": nn.Sequential(_Block(128, 64), _Block(64, 64), nn.Conv2d(64, channels, 1)),
    }
    return nn.Sequential(OrderedDict(layers))


def _decoded(branch: nn.Module, deepest: Tensor, skips: list[Tensor]) -> Tensor:
    first, *others = branch.children()
    x = first(deepest)
    for layers, skip in zip(others, skips, strict=True):
        x = layers(torch.cat([skip, x], dim=1))
    return torch.as_tensor(x)


def _double(channels: int, out: int) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(channels, out, 2, stride=2)


def _scaled(images: Tensor) -> Tensor:
    return (images.movedim(-1, 1).float() / 255 - 0.5) / 0.5
