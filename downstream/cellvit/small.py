"""A small network with CellViT's branches and tissue head, for demonstrations."""

from __future__ import annotations

from itertools import pairwise

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn
from torch.nn import functional

from downstream.nuclei.trunk import Up, conv

MARGIN = 16
"""How far labels extend beyond a patch, so that a nucleus that its border cuts has the offsets of the whole nucleus."""

_HEADS = 4


class SmallCellViT(nn.Module):
    """A hybrid: convolutions down to an eighth of the size, transformer blocks there, and a decoder with skips.

    A plain transformer learns too slowly from a few hundred patches, so its tokens are made by convolutions, and a
    convolution tells it positions. The decoder joins the tokens and the features of each size, as CellViT's does, once
    for all branches. Everything works at half resolution at most: blocks of 2 x 2 pixels are stacked into channels.
    `width` is the number of channels at half resolution. Without types there is no type branch. The sides of inputs
    must be divisible by 8.
    """

    def __init__(self, n_types: int, n_tissues: int, width: int, depth: int) -> None:
        super().__init__()
        widths = (width, 2 * width, 4 * width)
        self.stem = nn.Sequential(conv(12, width), conv(width, width))
        self.down = nn.ModuleList(nn.Sequential(conv(a, b, stride=2), conv(b, b)) for a, b in pairwise(widths))
        self.blocks = nn.ModuleList(_Block(widths[-1]) for _ in range(depth))
        self.norm = nn.LayerNorm(widths[-1])
        self.up = nn.ModuleList(Up(b, a) for a, b in pairwise(widths))
        outputs = {"nuclei_binary_map": 2, "hv_map": 2} | ({"nuclei_type_map": n_types + 1} if n_types else {})
        self.branches = nn.ModuleDict(
            {name: nn.Sequential(conv(width, width), nn.Conv2d(width, 4 * n, 1)) for name, n in outputs.items()}
        )
        self.classifier_head = nn.Linear(widths[-1], n_tissues) if n_tissues else None

    def forward(self, images: UInt8[Tensor, "n h w 3"]) -> dict[str, Float[Tensor, "n c *size"]]:
        """Return logits `nuclei_binary_map` (2), `nuclei_type_map` (types + background), `tissue_types`; `hv_map`."""
        tokens, skips = self._encoded(images)
        x = tokens
        for level, skip in zip(reversed(self.up), reversed(skips), strict=True):
            x = level(x, skip)
        output = {name: functional.pixel_shuffle(branch(x), 2) for name, branch in self.branches.items()}
        if self.classifier_head is not None:
            output["tissue_types"] = self.classifier_head(tokens.mean((2, 3)))
        return output

    def features(self, images: UInt8[Tensor, "n h w 3"]) -> Float[Tensor, "n d p q"]:
        """Return the tokens after the last block, from which the tissue is read."""
        return self._encoded(images)[0]

    def frozen(self) -> list[nn.Module]:
        """Return the modules that are frozen together with the encoder."""
        return [self.stem, self.down, self.blocks, self.norm]

    def _encoded(self, images: Tensor) -> tuple[Tensor, list[Tensor]]:
        x = self.stem(functional.pixel_unshuffle(images.movedim(-1, 1).float() / 127.5 - 1, 2))
        skips = []
        for level in self.down:
            skips.append(x)
            x = level(x)
        for block in self.blocks:
            x = block(x)
        return self.norm(x.movedim(1, -1)).movedim(-1, 1), skips


class _Block(nn.Module):
    """A transformer block, before which a depthwise convolution adds positions (Chu et al., ICLR 2023)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.positions = nn.Conv2d(width, width, 3, padding=1, groups=width)
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        """Return the features (n, d, p, q) after attention over all positions."""
        height, width = x.shape[2:]
        tokens = (x + self.positions(x)).flatten(2).transpose(1, 2)
        n, length, d = tokens.shape
        qkv = self.qkv(self.norm1(tokens)).view(n, length, 3, _HEADS, d // _HEADS).permute(2, 0, 3, 1, 4)
        attended = functional.scaled_dot_product_attention(*qkv)
        tokens = tokens + self.proj(attended.transpose(1, 2).reshape(n, length, d))
        tokens = tokens + self.mlp(self.norm2(tokens))
        return torch.as_tensor(tokens.transpose(1, 2).reshape(n, d, height, width))
