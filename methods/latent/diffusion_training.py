"""Training of the unconditional denoiser of latents."""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from bench.contract import Dataset, RunContext
from bench.training import LossTask, TrainingOptions, fused, randn, seeded, train
from bench.training.loop import Batch
from methods.diffusion.loss import diffusion_loss
from methods.diffusion.parameterisation import parameterise
from methods.diffusion.schedule import NoiseSchedule, betas, draw_times, time_weights
from methods.latent.autoencoder import load_codec
from methods.latent.config import LatentDiffusionPart, LatentTraining
from methods.latent.images import Images
from methods.latent.latents import Latents
from methods.latent.unet import Denoiser, Flags, make_unet, save_denoiser

STAGE = "latent-diffusion"


def train_latent_diffusion(
    part: LatentDiffusionPart, dataset: Dataset, autoencoder: Path, out: Path, run: RunContext
) -> None:
    """Train on the latents of a dataset's images, and write the averaged UNet and its flags to `out`."""
    settings, codec = part.training, load_codec(autoencoder, run)
    images = Images(dataset, int(codec.network.config.sample_size), run.derive(STAGE, "order"))
    latents = Latents(images, codec, settings)
    steps = images.steps(settings)
    with seeded(run.derive(STAGE, "weights")):
        denoiser = Denoiser(make_unet(part.network, latents.shape))
    optimizer = torch.optim.AdamW(
        denoiser.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay, fused=fused(run)
    )
    loss, rate = LatentLoss(part, latents), partial(rate_at, settings=settings, steps=steps)
    task = LossTask(denoiser, optimizer, loss, rate=rate, clip=settings.clip)
    options = TrainingOptions(steps, STAGE, ema=settings.ema, compile=settings.compile)
    trained = train(task, partial(_batch, latents, loss.weights, settings.batch_size), options, out, run)
    save_denoiser(out, trained["model"], Flags(part=part, shape=latents.shape))  # type: ignore[arg-type]


class LatentLoss:
    """The error of the prediction on a batch of `Latents`."""

    def __init__(self, part: LatentDiffusionPart, latents: Latents) -> None:
        self._schedule = NoiseSchedule(betas(part.diffusion))
        self._parameterisation = parameterise(part.diffusion, self._schedule)
        self._latents, self._part = latents, part
        self.weights = time_weights(self._schedule, part.diffusion)

    def __call__(self, network: nn.Module, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """Draw latents and noise, and compare the predictions."""
        clean = self._latents.draw(batch, generator).contiguous(memory_format=torch.channels_last)
        noise = randn(clean.shape, generator)
        return diffusion_loss(
            network,
            self._parameterisation,
            clean,
            batch["times"],
            noise.contiguous(memory_format=torch.channels_last),
            learned_variance=self._part.diffusion.learned_variance,
            norm=self._part.training.loss,
        )


def rate_at(step: int, settings: LatentTraining, steps: int) -> float:
    """Return the learning rate of a step as a multiple of the highest one.

    It rises linearly from `warmup_rate`; with `decay` it then follows half a cosine over all steps, from 1 to 0.
    """
    rate = 1.0
    if settings.warmup:
        start = settings.warmup_rate / settings.learning_rate
        rate = min(1.0, start + (1 - start) * step / settings.warmup)
    return rate * (0.5 * (1 + math.cos(math.pi * step / steps)) if settings.decay else 1.0)


def _batch(
    latents: Latents, weights: np.ndarray, size: int, step: int, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    return {**latents.batch(step, rng), "times": draw_times(weights, size, rng)}
