"""The encoder half of a UNet with attention pooling: a classifier that gets the noise level (ADM, section 4)."""

from __future__ import annotations

import torch
from diffusers.models.embeddings import TimestepEmbedding, Timesteps
from diffusers.models.unets.unet_2d_blocks import UNetMidBlock2D, get_down_block
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention, silu

from methods.latent.config import EncoderSettings

# standard deviation of the positions of tokens before training
_SPREAD = 0.02


class EncoderUNet(nn.Module):
    """Logits of k classes for images or latents (n, c, size, size) at steps of the diffusion, where 0 is clean."""

    def __init__(self, settings: EncoderSettings, channels: int, size: int, classes: int) -> None:
        super().__init__()
        widths = [settings.width * multiplier for multiplier in settings.multipliers]
        self.blocks, embedding = settings.blocks, 4 * settings.width
        self.time_proj = Timesteps(settings.width, flip_sin_to_cos=True, downscale_freq_shift=0)
        self.time_embedding = TimestepEmbedding(settings.width, embedding)
        self.conv_in = nn.Conv2d(channels, widths[0], 3, padding=1)
        self.down_blocks = nn.ModuleList()
        for level, width in enumerate(widths):
            last = level == len(widths) - 1
            attends = size in settings.attention_sizes
            self.down_blocks.append(
                get_down_block(
                    "AttnDownBlock2D" if attends else "ResnetDownsampleBlock2D",
                    num_layers=settings.blocks,
                    in_channels=widths[max(level - 1, 0)],
                    out_channels=width,
                    temb_channels=embedding,
                    add_downsample=not last,
                    resnet_eps=1e-5,
                    resnet_act_fn="silu",
                    resnet_groups=settings.groups,
                    attention_head_dim=min(settings.head_channels, width),
                    resnet_time_scale_shift="scale_shift",
                    downsample_type=None if attends and last else "resnet",
                    dropout=settings.dropout,
                )
            )
            size = size if last else size // 2
        self.mid_block = UNetMidBlock2D(
            in_channels=widths[-1],
            temb_channels=embedding,
            dropout=settings.dropout,
            resnet_eps=1e-5,
            resnet_groups=settings.groups,
            attn_groups=settings.groups,  # otherwise this attention is not normalised with scale_shift
            resnet_time_scale_shift="scale_shift",
            attention_head_dim=min(settings.head_channels, widths[-1]),
        )
        self.norm = nn.GroupNorm(settings.groups, widths[-1])
        self.pool = AttentionPool(widths[-1], size, min(settings.head_channels, widths[-1]), classes)

    def forward(self, x: Float[Tensor, "n c h w"], times: Int64[Tensor, " n"]) -> Float[Tensor, "n k"]:
        """Return logits."""
        embedding = self.time_embedding(self.time_proj(times).to(self.conv_in.weight.dtype))
        x = self.conv_in(x)
        for block in self.down_blocks:
            x, _ = block(hidden_states=x, temb=embedding)
        result: Tensor = self.pool(silu(self.norm(self.mid_block(x, embedding))))
        return result


class AttentionPool(nn.Module):
    """Attention of a mean token to all positions (the pooling of CLIP and ADM), followed by a linear layer."""

    def __init__(self, width: int, size: int, head_channels: int, classes: int) -> None:
        super().__init__()
        self.heads = max(width // head_channels, 1)
        self.places = nn.Parameter(_SPREAD * torch.randn(size * size + 1, width))
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, classes)

    def forward(self, x: Float[Tensor, "n d h w"]) -> Float[Tensor, "n k"]:
        """Return the logits of feature maps."""
        tokens = x.flatten(2).transpose(1, 2)
        tokens = torch.cat([tokens.mean(dim=1, keepdim=True), tokens], dim=1) + self.places
        n, _, width = tokens.shape
        query, key, value = (
            part.view(n, -1, self.heads, width // self.heads).transpose(1, 2)
            for part in self.qkv(tokens).chunk(3, dim=2)
        )
        found = scaled_dot_product_attention(query[:, :, :1], key, value)
        result: Tensor = self.out(found.transpose(1, 2).reshape(n, width))
        return result
