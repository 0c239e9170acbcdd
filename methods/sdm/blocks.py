"""Building blocks of the SDM network; parameter names are those of the released checkpoints."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F  # noqa: N812, the conventional name
from jaxtyping import Float, Real
from torch import Tensor, nn

from methods.sdm.labels import Labels


def time_embedding(times: Real[Tensor, " n"], width: int) -> Float[Tensor, "n width"]:
    """Return cosines, then sines, of the steps at frequencies from 1 down to 1/10000."""
    half = width // 2
    frequencies = torch.exp(-math.log(10000) * torch.arange(half, device=times.device) / half)
    angles = times.float()[:, None] * frequencies
    return torch.cat([torch.cos(angles), torch.sin(angles)], dim=1)


def zeroed(module: nn.Module) -> nn.Module:
    """Set the parameters of a module to zero, so that the block that it ends starts as the identity."""
    for parameter in module.parameters():
        nn.init.zeros_(parameter)
    return module


class SpatialNorm(nn.Module):
    """Spatially adaptive normalisation: x' (1 + gamma) + beta, where x' is normalised without parameters.

    gamma and beta are computed from the label map at the size of the features (SDM, section 3.2; SPADE).
    """

    def __init__(self, channels: int, label_channels: int, hidden: int, groups: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(groups, channels, affine=False)
        self.mlp_shared = nn.Sequential(nn.Conv2d(label_channels, hidden, 3, padding=1), nn.ReLU())
        self.mlp_gamma = nn.Conv2d(hidden, channels, 3, padding=1)
        self.mlp_beta = nn.Conv2d(hidden, channels, 3, padding=1)

    def modulation(self, labels: Float[Tensor, "n l h w"]) -> tuple[Tensor, Tensor]:
        """Return gamma and beta for label maps; they depend only on the maps."""
        hidden = self.mlp_shared(labels)
        return self.mlp_gamma(hidden), self.mlp_beta(hidden)

    def forward(self, x: Float[Tensor, "n c h w"], labels: Labels) -> Float[Tensor, "n c h w"]:
        """Normalise features and modulate them."""
        gamma, beta = labels.modulation(self, (x.shape[2], x.shape[3]))
        return torch.addcmul(beta, self.norm(x), 1 + gamma)


class Block(nn.Module):
    """The base of encoder and decoder blocks: scale and shift by time after the second norm, and resampling."""

    emb_layers: nn.Sequential
    out_layers: nn.Sequential
    skip_connection: nn.Module

    def __init__(self, channels: int, out: int, embedding: int, resample: str | None) -> None:
        super().__init__()
        self.resample = resample
        self.emb_layers = nn.Sequential(nn.SiLU(), nn.Linear(embedding, 2 * out))
        self.skip_connection = nn.Identity() if channels == out else nn.Conv2d(channels, out, 1)

    def resized(self, x: Tensor) -> Tensor:
        """Halve, double or keep the size of features."""
        if self.resample == "down":
            return F.avg_pool2d(x, 2)
        return F.interpolate(x, scale_factor=2.0, mode="nearest") if self.resample == "up" else x

    def scale_shift(self, h: Tensor, embedding: Tensor) -> Tensor:
        """Scale and shift normalised features by the time embedding."""
        scale, shift = self.emb_layers(embedding)[:, :, None, None].to(h.dtype).chunk(2, dim=1)
        result: Tensor = h * (1 + scale) + shift
        return result


class EncoderBlock(Block):
    """Residual block of the encoder, which does not use labels (ADM's block with scale and shift)."""

    def __init__(
        self, channels: int, out: int, embedding: int, groups: int, dropout: float, resample: str | None = None
    ) -> None:
        super().__init__(channels, out, embedding, resample)
        self.in_layers = nn.Sequential(
            nn.GroupNorm(groups, channels), nn.SiLU(), nn.Conv2d(channels, out, 3, padding=1)
        )
        self.out_layers = nn.Sequential(
            nn.GroupNorm(groups, out), nn.SiLU(), nn.Dropout(dropout), zeroed(nn.Conv2d(out, out, 3, padding=1))
        )

    def forward(self, x: Tensor, embedding: Tensor, labels: Labels) -> Tensor:
        """Transform features; `labels` are ignored."""
        h = self.resized(self.in_layers[:2](x))
        h = self.scale_shift(self.out_layers[0](self.in_layers[2](h)), embedding)
        result: Tensor = self.skip_connection(self.resized(x)) + self.out_layers[1:](h)
        return result


class DecoderBlock(Block):
    """Residual block of the middle and the decoder; both normalisations are spatially adaptive."""

    def __init__(
        self,
        channels: int,
        out: int,
        embedding: int,
        groups: int,
        dropout: float,
        label_channels: int,
        hidden: int,
        resample: str | None = None,
    ) -> None:
        super().__init__(channels, out, embedding, resample)
        self.in_norm = SpatialNorm(channels, label_channels, hidden, groups)
        self.in_layers = nn.Sequential(nn.SiLU(), nn.Conv2d(channels, out, 3, padding=1))
        self.out_norm = SpatialNorm(out, label_channels, hidden, groups)
        self.out_layers = nn.Sequential(nn.SiLU(), nn.Dropout(dropout), zeroed(nn.Conv2d(out, out, 3, padding=1)))

    def forward(self, x: Tensor, embedding: Tensor, labels: Labels) -> Tensor:
        """Transform features depending on the labels."""
        h = self.resized(self.in_layers[0](self.in_norm(x, labels)))
        h = self.scale_shift(self.out_norm(self.in_layers[1](h), labels), embedding)
        result: Tensor = self.skip_connection(self.resized(x)) + self.out_layers(h)
        return result


class AttentionBlock(nn.Module):
    """Self-attention over the pixels of a feature map."""

    def __init__(self, channels: int, head_channels: int, groups: int) -> None:
        super().__init__()
        self.heads = channels // head_channels
        self.norm = nn.GroupNorm(groups, channels)
        self.qkv = nn.Conv1d(channels, 3 * channels, 1)
        self.proj_out = zeroed(nn.Conv1d(channels, channels, 1))

    def forward(self, x: Tensor, embedding: Tensor, labels: Labels) -> Tensor:
        """Mix pixels; projection channels are ordered by head and then query, key, value, as in the release."""
        flat = x.flatten(2)
        n, c, length = flat.shape
        parts = self.qkv(self.norm(flat)).view(n, self.heads, 3, c // self.heads, length).transpose(3, 4)
        mixed = F.scaled_dot_product_attention(*(part.contiguous() for part in parts.unbind(2)))
        result: Tensor = x + self.proj_out(mixed.transpose(2, 3).reshape(n, c, length)).view_as(x)
        return result
