"""Training of the SDM part."""

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
from methods.diffusion.schedule import NoiseSchedule, betas, time_weights
from methods.sdm.config import ReleasedSDMPart, SDMPart, TrainingSettings
from methods.sdm.crops import TrainingCrops
from methods.sdm.model import Flags, centre_of, make_network, save_model


def train_sdm(part: SDMPart, dataset: Dataset, out: Path, run: RunContext) -> None:
    """Train the network of `part` on random crops of a dataset, and write its averaged weights and flags to `out`."""
    crops = TrainingCrops(dataset, part.patch_size)
    red, green, blue = crops.mean_colour().tolist()
    flags = Flags(part=part, classes=crops.classes, centre=(red, green, blue))
    settings = part.training
    with seeded(run.derive("sdm", "weights")):
        network = make_network(part, crops.classes)
    optimizer = torch.optim.AdamW(
        network.parameters(),
        lr=settings.learning_rates[0],
        weight_decay=settings.weight_decay,
        fused=fused(run, on_cpu=False),
    )
    task = LossTask(network, optimizer, SDMLoss(flags), rate=partial(rate_at, settings=settings), clip=settings.clip)
    make_batch = partial(_batch, crops, settings, time_weights(_schedule(part), part.diffusion))
    options = TrainingOptions(settings.steps, "sdm", ema=settings.ema, compile=settings.compile)
    trained = train(task, make_batch, options, out, run)
    save_model(out, trained["model"], flags)


class SDMLoss:
    """The loss of a batch of `TrainingCrops`."""

    def __init__(self, flags: Flags) -> None:
        self._learned = flags.part.diffusion.learned_variance
        self._schedule, self._diffusion = _schedule(flags.part), flags.part.diffusion
        self._centre = centre_of(flags)

    def __call__(self, network: nn.Module, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """Noise the images at their steps and compare the predictions."""
        clean = batch["image"].to(torch.float32, memory_format=torch.channels_last) / 127.5 - 1
        labels = batch["condition"].to(torch.float32, memory_format=torch.channels_last)
        noise = randn(clean.shape, generator)
        noise = noise.contiguous(memory_format=torch.channels_last)
        parameterisation = parameterise(self._diffusion, self._schedule, self._centre.to(clean.device))
        return diffusion_loss(
            lambda x, times: network(x, times, labels),
            parameterisation,
            clean,
            batch["times"],
            noise,
            learned_variance=self._learned,
        )


def stage_at(step: int, settings: TrainingSettings) -> int:
    """Return the stage of a step: 0, or 1 after the share `first_stage` of the steps."""
    return int(step >= round(settings.first_stage * settings.steps))


def rate_at(step: int, settings: TrainingSettings) -> float:
    """Return the learning rate of a step as a multiple of the rate of the first stage.

    It rises linearly during the warm-up; with `decay` it follows half a cosine over all steps, from 1 to 0.
    """
    first = settings.learning_rates[0]
    rate = settings.learning_rates[stage_at(step, settings)] / first
    if settings.warmup:
        rate *= min(1.0, (step + 1) / settings.warmup)
    if settings.decay:
        rate *= 0.5 * (1 + math.cos(math.pi * step / settings.steps))
    return rate


def _batch(
    crops: TrainingCrops, settings: TrainingSettings, weights: np.ndarray, step: int, rng: np.random.Generator
) -> Batch:
    dropout = settings.condition_dropout[stage_at(step, settings)]
    return crops.batch(settings.batch_size, dropout, weights, rng)


def _schedule(part: SDMPart | ReleasedSDMPart) -> NoiseSchedule:
    return NoiseSchedule(betas(part.diffusion))
