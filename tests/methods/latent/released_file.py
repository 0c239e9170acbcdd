"""A released checkpoint as the original code would write it, with random weights, in the sizes of small settings."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from methods.diffusion.schedule import betas
from methods.latent.config import LatentProcess
from methods.latent.released import PREFIX as FIRST_STAGE
from methods.latent.released_unet import PREFIX
from tests.methods.latent.original_autoencoder import OriginalAutoencoder
from tests.methods.latent.original_unet import Shape, original

SCALE = 0.75
# Settings of the networks in it.
AUTOENCODER = {"width": 8, "multipliers": [1, 2, 4], "blocks": 2, "groups": 4, "middle_attention": True}
UNET = {"width": 8, "multipliers": [1, 2], "blocks": 1, "attention_factors": [2], "heads": 2, "groups": 4}


def released_tensors(scale: float | None = SCALE) -> dict[str, Tensor]:
    """Return the `state_dict` of a whole model: first stage, denoiser, its moving average, buffers."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        first: nn.Module = OriginalAutoencoder()
    last, average = (original(Shape(), seed).state_dict() for seed in (0, 1))
    held = {FIRST_STAGE + name: tensor for name, tensor in first.state_dict().items()}
    held |= {PREFIX + name: tensor for name, tensor in last.items()}
    held |= {f"model_ema.diffusion_model{name.replace('.', '')}": tensor for name, tensor in average.items()}
    held |= {"betas": torch.tensor(betas(LatentProcess()), dtype=torch.float32)}
    return held if scale is None else {**held, "scale_factor": torch.tensor(scale)}


def write_released(path: Path, scale: float | None = SCALE) -> Path:
    """Write it as a PyTorch file of plain values."""
    torch.save({"state_dict": released_tensors(scale), "global_step": 7}, path)
    return path
