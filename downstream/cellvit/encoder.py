"""SAM's vision transformer as CellViT uses it, and its published weights."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from jaxtyping import Float
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from bench.errors import DataError
from downstream.files import load_fitting, read_file, tensors_of

SKIPS = (3, 6, 9, 12)
"""After which blocks the decoder gets features."""

DEPTH, WIDTH, NECK, TOKEN = 12, 768, 256, 16

_OTHER_PARTS = ("prompt_encoder.", "mask_decoder.", "pixel_mean", "pixel_std")


class Encoded(NamedTuple):
    """The output of the neck, and the features after the blocks `SKIPS`."""

    neck: Float[Tensor, "n 256 p q"]
    skips: list[Float[Tensor, "n 768 p q"]]


class SAMEncoder(nn.Module):
    """SAM ViT-B (timm's `samvit_base_patch16`) for inputs of any size that is divisible by 16.

    As in the release, smaller inputs than SAM's 1024 px get the first rows and columns of the position embedding
    (timm would resample it), while the relative positions of the global blocks are interpolated, as SAM does.
    """

    def __init__(self) -> None:
        import timm

        super().__init__()
        network: Any = timm.create_model(
            "samvit_base_patch16", pretrained=False, num_classes=0, norm_layer=partial(nn.LayerNorm, eps=1e-6)
        )
        self.patch_embed: nn.Module = network.patch_embed
        self.pos_embed: nn.Parameter = network.pos_embed
        self.blocks: nn.Sequential = network.blocks
        self.neck: nn.Module = network.neck

    def forward(self, images: Float[Tensor, "n 3 h w"]) -> Encoded:
        """Return the neck's output and the skip features; images are scaled to [-1, 1]."""
        x = self.patch_embed(images)
        x = x + self.pos_embed[:, : x.shape[1], : x.shape[2]]
        skips = []
        for number, block in enumerate(self.blocks, 1):
            x = block(x)
            if number in SKIPS:
                skips.append(x.permute(0, 3, 1, 2))
        return Encoded(self.neck(x.permute(0, 3, 1, 2)), skips)


def timm_names(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return tensors of SAM's encoder by timm's names, which differ in the two layers of each block's MLP."""
    return {re.sub(r"\.mlp\.lin([12])\.", r".mlp.fc\1.", name): value for name, value in tensors.items()}


def load_encoder(encoder: SAMEncoder, path: Path) -> None:
    """Load SAM's ViT-B: SAM's own file, the encoder only, as CellViT's authors offer it, or timm's file.

    Raises:
        DataError: the file is unreadable or holds another network's weights.
    """
    expected = "sam_vit_b_01ec64.pth of Segment Anything, or timm/samvit_base_patch16.sa1b of the hub"
    if path.suffix == ".safetensors":
        try:
            tensors = load_file(path)
        except (OSError, SafetensorError) as error:
            raise DataError(f"Cannot read the weights at {path}", got=str(error), fix=f"use {expected}") from error
    else:
        tensors = tensors_of(read_file(path, expected), "model_state_dict")
    prefix = next((p for p in ("image_encoder.", "encoder.") if any(name.startswith(p) for name in tensors)), "")
    mine = {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
    mine = {name: value for name, value in mine.items() if not name.startswith(_OTHER_PARTS)}
    load_fitting(encoder, timm_names(mine), "SAM's ViT-B encoder", path)
