"""The denoiser of latents: diffusers' UNet and folder, and beside it what sampling must agree with (spec trap T23)."""

from __future__ import annotations

from pathlib import Path

import torch
from diffusers import UNet2DModel
from diffusers.models.attention_processor import Attention
from jaxtyping import Float, Int64
from torch import Tensor, nn

from bench.contract import RunContext, Settings
from bench.training import read_flags, write_flags
from methods.latent.config import LatentDiffusionPart, ReleasedDiffusionPart, UNetSettings
from methods.latent.folders import load_model, save_model

FOLDER, FLAGS = "unet", "latent-diffusion.json"


class Flags(Settings):
    """What was trained or read: the part's settings and the latents' shape."""

    part: LatentDiffusionPart | ReleasedDiffusionPart
    shape: tuple[int, int, int]


class Denoiser(nn.Module):
    """A UNet as samplers and losses call it."""

    def __init__(self, unet: UNet2DModel) -> None:
        super().__init__()
        self.unet = unet

    def forward(self, x: Float[Tensor, "n c h w"], times: Int64[Tensor, " n"]) -> Float[Tensor, "n c h w"]:
        """Return the prediction for noisy latents at their steps."""
        return self.unet(x, times, return_dict=False)[0]


def make_unet(settings: UNetSettings, shape: tuple[int, int, int]) -> UNet2DModel:
    """Make an untrained UNet of latents (c, h, w), laid out as latent diffusion's."""
    attends = [2**level in settings.attention_factors for level in range(len(settings.multipliers))]
    residual = settings.resampling == "residual"
    plain = ("ResnetDownsampleBlock2D", "ResnetUpsampleBlock2D") if residual else ("DownBlock2D", "UpBlock2D")
    resampling = "resnet" if residual else "conv"
    unet = UNet2DModel(
        sample_size=shape[1],
        in_channels=shape[0],
        out_channels=shape[0],
        flip_sin_to_cos=True,
        freq_shift=0,
        down_block_types=tuple("AttnDownBlock2D" if a else plain[0] for a in attends),
        up_block_types=tuple("AttnUpBlock2D" if a else plain[1] for a in reversed(attends)),
        block_out_channels=tuple(settings.width * multiplier for multiplier in settings.multipliers),
        layers_per_block=settings.blocks,
        downsample_type=resampling,
        upsample_type=resampling,
        dropout=settings.dropout,
        # with a number of heads, queries are as wide as features whatever divides them; `with_heads` splits them
        attention_head_dim=settings.head_channels if settings.heads is None else 1,
        norm_num_groups=settings.groups,
        attn_norm_num_groups=settings.groups,  # else the middle attention has no normalisation under scale_shift
        norm_eps=1e-5,
        resnet_time_scale_shift="scale_shift" if settings.scale_shift else "default",
    )
    return with_heads(unet, settings.heads)


def with_heads(unet: UNet2DModel, heads: int | None) -> UNet2DModel:
    """Give every attention so many heads; diffusers' own configuration knows heads of one width alone."""
    if heads is not None:
        for layer in unet.modules():
            if isinstance(layer, Attention):
                layer.heads, layer.scale = heads, (layer.inner_dim / heads) ** -0.5
    return unet


def save_denoiser(folder: Path, denoiser: Denoiser, flags: Flags) -> None:
    """Write flags and the UNet; the UNet last, so that it is never without flags."""
    write_flags(folder / FLAGS, flags)
    save_model(folder / FOLDER, denoiser.unet)


def load_denoiser(folder: Path, run: RunContext) -> tuple[nn.Module, Flags]:
    """Read a denoiser for use, on the run's device and in its precision.

    Raises:
        DataError: there is none, or its files do not fit each other.
    """
    from lightning_fabric import Fabric

    flags = read_flags(folder / FLAGS, Flags, "a trained latent diffusion model")
    unet = with_heads(load_model(folder / FOLDER, UNet2DModel), flags.part.network.heads)
    denoiser = Denoiser(unet).eval().requires_grad_(False).to(memory_format=torch.channels_last)
    fabric = Fabric(accelerator=run.device, devices=1, precision=run.precision)  # type: ignore[arg-type]
    return fabric.setup_module(denoiser), flags
