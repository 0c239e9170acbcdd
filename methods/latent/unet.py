"""The denoiser of latents: diffusers' UNet and folder, together with the settings that sampling must agree with."""

from __future__ import annotations

from pathlib import Path

from diffusers import UNet2DModel
from diffusers.models.attention_processor import Attention
from jaxtyping import Float, Int64
from torch import Tensor, nn

from bench.contract import RunContext, Settings
from bench.training import read_flags, write_flags
from methods.latent.config import LatentDiffusionPart, ReleasedDiffusionPart, UNetSettings
from methods.latent.folders import load_model, save_model
from methods.latent.memory import lay_out

FOLDER, FLAGS = "unet", "latent-diffusion.json"


class Flags(Settings):
    """What was trained or read: the settings of the part and the shape of the latents."""

    part: LatentDiffusionPart | ReleasedDiffusionPart
    shape: tuple[int, int, int]


class Denoiser(nn.Module):
    """A UNet in the form that samplers and losses call."""

    def __init__(self, unet: UNet2DModel) -> None:
        super().__init__()
        self.unet = unet

    def forward(self, x: Float[Tensor, "n c h w"], times: Int64[Tensor, " n"]) -> Float[Tensor, "n c h w"]:
        """Return the prediction for noisy latents at their steps."""
        result: Tensor = self.unet(x, times, return_dict=False)[0]
        return result


def make_unet(settings: UNetSettings, shape: tuple[int, int, int]) -> UNet2DModel:
    """Return an untrained UNet for latents (c, h, w), with the layout of latent diffusion."""
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
        # with a fixed number of heads, queries are always as wide as the features; `with_heads` splits them
        attention_head_dim=settings.head_channels if settings.heads is None else 1,
        norm_num_groups=settings.groups,
        attn_norm_num_groups=settings.groups,  # otherwise the middle attention is not normalised with scale_shift
        norm_eps=1e-5,
        resnet_time_scale_shift="scale_shift" if settings.scale_shift else "default",
    )
    return with_heads(unet, settings.heads)


def with_heads(unet: UNet2DModel, heads: int | None) -> UNet2DModel:
    """Give every attention layer this many heads; diffusers' configuration supports only heads of one width."""
    if heads is not None:
        for layer in unet.modules():
            if isinstance(layer, Attention):
                layer.heads, layer.scale = heads, (layer.inner_dim / heads) ** -0.5
    return unet


def save_denoiser(folder: Path, denoiser: Denoiser, flags: Flags) -> None:
    """Write the flags and then the UNet, so that the UNet is never without flags."""
    write_flags(folder / FLAGS, flags)
    save_model(folder / FOLDER, denoiser.unet)


def load_denoiser(folder: Path, run: RunContext) -> tuple[nn.Module, Flags]:
    """Load a denoiser for use, on the device and in the precision of the run.

    Raises:
        DataError: there is none, or its files do not fit each other.
    """
    from bench.training.fabric import Fabric

    flags = read_flags(folder / FLAGS, Flags, "a trained latent diffusion model")
    unet = with_heads(load_model(folder / FOLDER, UNet2DModel), flags.part.network.heads)
    fabric = Fabric(accelerator=run.device, devices=1, precision=run.precision)  # type: ignore[arg-type]
    denoiser = lay_out(Denoiser(unet).eval().requires_grad_(False), fabric.device)
    return fabric.setup_module(denoiser), flags
