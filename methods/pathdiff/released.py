"""PathDiff's released checkpoints: as parts of a run, and as a network for users and checks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from diffusers import ControlNetModel, UNet2DConditionModel
from jaxtyping import Float, Int64
from torch import Tensor

from bench.errors import ConfigError, DataError
from bench.training import write_flags
from methods.latent.autoencoder import Autoencoder, load_autoencoder
from methods.latent.checkpoints import read_checkpoint, section
from methods.latent.conditional import Controlled, TextDenoiser, freeze, make_control, make_text_unet, save_control
from methods.latent.released_arithmetic import as_released
from methods.latent.released_parts import check_agreement
from methods.latent.released_text import (
    load_released_control,
    load_released_text_unet,
    settings_of_hints,
    settings_of_unet,
)
from methods.latent.released_unet import PREFIX
from methods.latent.text_config import ReleasedControlPart, ReleasedTextDiffusionPart
from methods.pathdiff.flags import CONTROL_FLAGS, DENOISER_FLAGS, ControlFlags, DenoiserFlags
from methods.pathdiff.hints import channels
from methods.pathdiff.pipeline import load_unet, save_pipeline


class ReleasedPathDiff:
    """PathDiff's denoiser with its control branch, as in the release; tensors in and out."""

    def __init__(self, denoiser: TextDenoiser, controlled: Controlled | None) -> None:
        self.denoiser, self.controlled = denoiser, controlled

    @torch.no_grad()
    def eps(
        self,
        latents: Float[Tensor, "n c h w"],
        times: Int64[Tensor, " n"],
        context: Float[Tensor, "n t d"],
        hint: Float[Tensor, "n k H W"] | None = None,
    ) -> Float[Tensor, "n c h w"]:
        """Return the predicted noise.

        Args:
            latents: noisy latents.
            times: steps of the diffusion, 0 to 999.
            context: features of the tokens of captions.
            hint: coloured masks, 0..255, as the release feeds them; None leaves the control branch out.

        Raises:
            ConfigError: there is a hint, but the checkpoint has no control branch.
        """
        if hint is None:
            result: Tensor = self.denoiser(latents, times, context)
            return result
        if self.controlled is None:
            raise ConfigError("The checkpoint has no control branch", got="a hint", fix="leave the hint out")
        controlled: Tensor = self.controlled(latents, times, context, hint.float())
        return controlled


def load_pathdiff(
    path: Path, *, num_heads: int = 1, factor: int = 4, half_blocks: bool = True, **settings: Any
) -> ReleasedPathDiff:
    """Load a released checkpoint of PathDiff.

    Sizes are read off the shapes in the file.

    Args:
        path: the file, with `model.diffusion_model.*` and, with a control branch, `control_model.*`.
        num_heads: number of attention heads, which no shape shows.
        factor: pixels per latent along a side, which no shape shows either.
        half_blocks: round the output of every transformer block to half precision, as the release does.
        settings: further settings of the release's configuration; they are compared with the shapes in the file.

    Raises:
        DataError: the file is not such a checkpoint, or has other sizes than `settings`.
        ConfigError: `settings` has an unknown name.
    """
    checkpoint = read_checkpoint(path)
    size = settings_of_unet(checkpoint, heads=num_heads)
    own = section(checkpoint, PREFIX)
    context = _context_width(own)
    shape = (int(own["input_blocks.0.0.weight"].shape[1]), 64, 64)
    _compare(settings, size.model_dump() | {"in": shape[0], "context": context})
    unet = load_released_text_unet(make_text_unet(size, shape, context), checkpoint)
    controlled = None
    if any(name.startswith("control_model.") for name in checkpoint):
        hints, count = settings_of_hints(checkpoint)
        control = load_released_control(make_control(unet, hints, count, factor), checkpoint)
        if half_blocks:
            as_released(control)
        controlled = Controlled(unet, control, 1.0)
        freeze(controlled)
    if half_blocks:
        as_released(unet)
    denoiser = TextDenoiser(unet)
    freeze(denoiser)
    return ReleasedPathDiff(denoiser, controlled)


def keep_text_diffusion(part: ReleasedTextDiffusionPart, file: Path, autoencoder: Path, tower: Path, out: Path) -> None:
    """Read a released denoiser, and write the files that `train_text_diffusion` would write to `out`."""
    unet, flags = read_text_diffusion(part, file, load_autoencoder(autoencoder))
    write_flags(out / DENOISER_FLAGS, flags)
    save_pipeline(out, unet, part.diffusion, autoencoder, tower)


def read_text_diffusion(
    part: ReleasedTextDiffusionPart, file: Path, autoencoder: Autoencoder
) -> tuple[UNet2DConditionModel, DenoiserFlags]:
    """Return a released denoiser and what it was trained for.

    Raises:
        DataError: the file does not fit the settings, or uses latents of another scale or another noise schedule.
    """
    checkpoint, codec = read_checkpoint(file), autoencoder.config
    check_agreement(checkpoint, file, autoencoder, part.diffusion, "text_diffusion")
    side = part.patch_size // 2 ** (len(codec.block_out_channels) - 1)
    shape, context = (int(codec.latent_channels), side, side), _context_width(section(checkpoint, PREFIX))
    unet = load_released_text_unet(make_text_unet(part.network, shape, context), checkpoint)
    return unet, DenoiserFlags(part=part, shape=shape, context=context)


def keep_control(part: ReleasedControlPart, file: Path, denoiser: Path, autoencoder: Path, out: Path) -> None:
    """Read a released control branch, and write the files that `train_control` would write to `out`."""
    control = read_control(part, file, load_unet(denoiser), load_autoencoder(autoencoder))
    write_flags(out / CONTROL_FLAGS, ControlFlags(part=part, colours=part.colours))
    save_control(out, control)


def read_control(
    part: ReleasedControlPart, file: Path, unet: UNet2DConditionModel, autoencoder: Autoencoder
) -> ControlNetModel:
    """Return a released control branch of a denoiser.

    Raises:
        ConfigError: the settings do not say which colours the classes have.
        DataError: the file does not fit the settings.
    """
    if not part.colours:
        raise ConfigError(
            "A released control branch needs the colours of its classes",
            got="no colours",
            fix="set control.colours, for example {neoplastic: [255, 0, 0], ...}",
        )
    factor = 2 ** (len(autoencoder.config.block_out_channels) - 1)
    control = make_control(unet, part.network, channels(part.network.edges), factor)
    return load_released_control(control, read_checkpoint(file))


def _context_width(own: Mapping[str, Tensor]) -> int:
    name = next((name for name in sorted(own) if name.endswith("attn2.to_k.weight")), None)
    if name is None:
        raise DataError("The checkpoint must contain a denoiser that attends to captions", got="no attn2.to_k")
    return int(own[name].shape[1])


# the release's names of settings, and ours
_NAMES = {
    "model_channels": "width",
    "channel_mult": "multipliers",
    "num_res_blocks": "blocks",
    "attention_resolutions": "attention_factors",
    "context_dim": "context",
    "in_channels": "in",
    "out_channels": "in",
}
# what has no other value in a network of this layout
_FIXED = {"use_spatial_transformer": True, "transformer_depth": 1, "legacy": False}
_UNUSED = ("image_size", "hint_channels")


def _compare(given: Mapping[str, Any], found: Mapping[str, Any]) -> None:
    for name, value in given.items():
        if name in _UNUSED:
            continue
        if name not in _NAMES and name not in _FIXED:
            known = [*_NAMES, *_FIXED, *_UNUSED, "num_heads"]
            raise ConfigError("There is no such setting of PathDiff's networks", got=name, fix=f"use one of {known}")
        held = _FIXED[name] if name in _FIXED else found[_NAMES[name]]
        same = sorted(value) == sorted(held) if isinstance(held, tuple) else value == held
        if not same:
            raise DataError(
                f"The checkpoint was not made with {name} = {value}", got=f"{held}", fix=f"leave {name} out"
            )
