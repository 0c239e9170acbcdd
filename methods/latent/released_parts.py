"""Parts read from released checkpoints: converted, compared with the settings, and saved as trained parts are."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from torch import Tensor

from bench.errors import ConfigError, DataError
from methods.diffusion.schedule import betas
from methods.latent.autoencoder import Autoencoder, load_autoencoder, make_autoencoder, save_autoencoder
from methods.latent.checkpoints import read_checkpoint, scale_of
from methods.latent.config import LatentProcess, ReleasedAutoencoderPart, ReleasedDiffusionPart
from methods.latent.released import load_released_autoencoder
from methods.latent.released_unet import load_released_unet
from methods.latent.unet import Denoiser, Flags, make_unet, save_denoiser

# Scales and variances are float32 in checkpoints.
_CLOSE = 1e-4


def keep_autoencoder(part: ReleasedAutoencoderPart, file: Path, out: Path) -> None:
    """Read a released first stage, and write the files that `train_autoencoder` would write to `out`."""
    network = read_autoencoder(part, file)
    save_autoencoder(out, network, float(network.config.scaling_factor))


def read_autoencoder(part: ReleasedAutoencoderPart, file: Path) -> Autoencoder:
    """Return a released first stage with its latent scale, from the checkpoint or else from the settings.

    Raises:
        DataError: the file does not fit the settings.
        ConfigError: neither the checkpoint nor the settings contain the scale.
    """
    checkpoint = read_checkpoint(file)
    network = load_released_autoencoder(make_autoencoder(part.network, part.patch_size), checkpoint)
    held = scale_of(checkpoint)
    scale = part.scale if held is None else held
    if scale is None:
        raise ConfigError(
            f"The latent scale is neither in {file} nor in the settings",
            got="no scale_factor",
            fix="set autoencoder.scale to the scale_factor of its configuration (1.0 if that has none)",
        )
    if part.scale is not None and not math.isclose(scale, part.scale, rel_tol=_CLOSE):
        raise DataError(
            f"The latent scale {part.scale:g} of the settings is not that of {file}",
            got=f"{scale:g}",
            fix="leave scale out",
        )
    network.register_to_config(scaling_factor=scale)
    return network


def keep_denoiser(part: ReleasedDiffusionPart, file: Path, autoencoder: Path, out: Path) -> None:
    """Read a released denoiser, and write the files that `train_latent_diffusion` would write to `out`."""
    denoiser, flags = read_denoiser(part, file, load_autoencoder(autoencoder))
    save_denoiser(out, denoiser, flags)


def read_denoiser(part: ReleasedDiffusionPart, file: Path, autoencoder: Autoencoder) -> tuple[Denoiser, Flags]:
    """Return a released denoiser and what it was trained for.

    Args:
        part: settings, whose diffusion must be that of the checkpoint.
        file: the checkpoint.
        autoencoder: the autoencoder whose latents it was trained on.

    Raises:
        DataError: the file does not fit the settings, or uses latents of another scale or another noise schedule.
    """
    checkpoint, codec = read_checkpoint(file), autoencoder.config
    check_agreement(checkpoint, file, autoencoder, part.diffusion, "latent_diffusion")
    side = int(codec.sample_size) // 2 ** (len(codec.block_out_channels) - 1)
    shape = (int(codec.latent_channels), side, side)
    network = load_released_unet(make_unet(part.network, shape), checkpoint)
    return Denoiser(network), Flags(part=part, shape=shape)


def check_agreement(
    checkpoint: Mapping[str, Tensor], file: Path, autoencoder: Autoencoder, diffusion: LatentProcess, name: str
) -> None:
    """Compare a checkpoint with its autoencoder and its settings, as far as it contains what they say.

    Args:
        checkpoint: the tensors of the file.
        file: its path, for messages.
        autoencoder: the autoencoder whose latents the denoiser was trained on.
        diffusion: the noise schedule of the settings.
        name: the settings of the denoiser, for messages.

    Raises:
        DataError: the denoiser uses latents of another scale, or was trained with another noise schedule.
    """
    held_scale, scale = scale_of(checkpoint), float(autoencoder.config.scaling_factor)
    if held_scale is not None and not math.isclose(held_scale, scale, rel_tol=_CLOSE):
        raise DataError(
            f"The denoiser in {file} must use latents that are scaled by {scale:g}, as those of the autoencoder",
            got=f"{held_scale:g}",
            fix="use the same checkpoint for both parts",
        )
    if "betas" not in checkpoint:
        return
    held, wanted = checkpoint["betas"].double().numpy(), betas(diffusion)
    if held.shape != wanted.shape or not np.allclose(held, wanted, rtol=_CLOSE, atol=0):
        raise DataError(
            f"The denoiser in {file} was not trained with {len(wanted)} steps of noise of variance "
            f"{wanted[0]:.5g} to {wanted[-1]:.5g}",
            got=f"{len(held)} steps, {held[0]:.5g} to {held[-1]:.5g}",
            fix=f"set schedule, steps, beta_start and beta_end of {name}.diffusion as in its training",
        )
