"""A first stage whose module tree is the original latent-diffusion code's, in plain torch."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, pad, silu

WIDTHS = (8, 16, 32)


def _norm(width: int) -> nn.GroupNorm:
    return nn.GroupNorm(4, width, eps=1e-6)


class _Block(nn.Module):
    def __init__(self, a: int, b: int) -> None:
        super().__init__()
        self.norm1, self.conv1 = _norm(a), nn.Conv2d(a, b, 3, padding=1)
        self.norm2, self.conv2 = _norm(b), nn.Conv2d(b, b, 3, padding=1)
        if a != b:
            self.nin_shortcut = nn.Conv2d(a, b, 1)

    def forward(self, x: Tensor) -> Tensor:
        h = self.conv2(silu(self.norm2(self.conv1(silu(self.norm1(x))))))
        return h + (self.nin_shortcut(x) if hasattr(self, "nin_shortcut") else x)


class _Attention(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = _norm(width)
        self.q, self.k, self.v, self.proj_out = (nn.Conv2d(width, width, 1) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        h = self.norm(x)
        q, k, v = (layer(h).flatten(2) for layer in (self.q, self.k, self.v))
        share = torch.softmax(torch.einsum("ncq,nck->nqk", q, k) / x.shape[1] ** 0.5, dim=2)
        return x + self.proj_out(torch.einsum("nqk,nck->ncq", share, v).view_as(x))


class _Convolution(nn.Module):
    def __init__(self, width: int, stride: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, stride, padding=2 - stride)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(pad(x, (0, 1, 0, 1)) if self.conv.stride == (2, 2) else interpolate(x, scale_factor=2.0))


class _Level(nn.Module):
    def __init__(self, a: int, b: int, blocks: int) -> None:
        super().__init__()
        self.block = nn.ModuleList(_Block(a if i == 0 else b, b) for i in range(blocks))


class _Middle(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.block_1, self.attn_1, self.block_2 = _Block(width, width), _Attention(width), _Block(width, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.block_2(self.attn_1(self.block_1(x)))


class _Encoder(nn.Module):
    def __init__(self, outputs: int = 6) -> None:
        super().__init__()
        self.conv_in = nn.Conv2d(3, 8, 3, padding=1)
        self.down = nn.ModuleList(_Level(a, b, 2) for a, b in zip((8, *WIDTHS), WIDTHS, strict=False))
        for level in (0, 1):
            self.down[level].downsample = _Convolution(WIDTHS[level], 2)
        self.mid, self.norm_out, self.conv_out = _Middle(32), _norm(32), nn.Conv2d(32, outputs, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv_in(x)
        for level in self.down:
            for block in level.block:
                x = block(x)
            x = level.downsample(x) if hasattr(level, "downsample") else x
        return self.conv_out(silu(self.norm_out(self.mid(x))))


class _Decoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv_in, self.mid = nn.Conv2d(3, 32, 3, padding=1), _Middle(32)
        self.up = nn.ModuleList([_Level(16, 8, 3), _Level(32, 16, 3), _Level(32, 32, 3)])
        for level in (1, 2):
            self.up[level].upsample = _Convolution(WIDTHS[level], 1)
        self.norm_out, self.conv_out = _norm(8), nn.Conv2d(8, 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.mid(self.conv_in(x))
        for level in reversed(self.up):
            for block in level.block:
                x = block(x)
            x = level.upsample(x) if hasattr(level, "upsample") else x
        return self.conv_out(silu(self.norm_out(x)))


class OriginalAutoencoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.decoder = _Encoder(), _Decoder()
        self.quant_conv, self.post_quant_conv = nn.Conv2d(6, 6, 1), nn.Conv2d(3, 3, 1)


class OriginalVQ(nn.Module):
    """The first stage with a codebook; latents are those before quantisation."""

    def __init__(self, codes: int) -> None:
        super().__init__()
        self.encoder, self.decoder = _Encoder(3), _Decoder()
        self.quant_conv, self.post_quant_conv = nn.Conv2d(3, 3, 1), nn.Conv2d(3, 3, 1)
        self.quantize = nn.Module()
        self.quantize.embedding = nn.Embedding(codes, 3)

    def encode(self, x: Tensor) -> Tensor:
        return self.quant_conv(self.encoder(x))

    def decode(self, z: Tensor) -> Tensor:
        codes = self.quantize.embedding.weight
        distances = (z[:, None] - codes[None, :, :, None, None]).pow(2).sum(2)
        nearest = codes[distances.argmin(1)].permute(0, 3, 1, 2)
        return self.decoder(self.post_quant_conv(nearest))
