"""Training of the control branch on the frozen denoiser: jointly on masks and captions, or on masks only."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from bench.contract import Dataset, RunContext
from bench.training import LossTask, TrainingOptions, fused, randn, read_flags, seeded, train, write_flags
from bench.training.loop import Batch
from methods.diffusion.loss import diffusion_loss
from methods.diffusion.parameterisation import parameterise
from methods.diffusion.schedule import NoiseSchedule, betas, draw_times, time_weights
from methods.latent.autoencoder import Codec, load_codec
from methods.latent.conditional import Controlled, make_control, save_control
from methods.latent.diffusion_training import rate_at
from methods.latent.text_config import ControlPart, TextProcess
from methods.pathdiff.contexts import Contexts
from methods.pathdiff.data import Items
from methods.pathdiff.flags import CONTROL_FLAGS, DENOISER_FLAGS, ControlFlags, DenoiserFlags
from methods.pathdiff.hints import channels
from methods.pathdiff.pipeline import load_unet
from methods.text.tower import load_tower

STAGE = "control"


def train_control(
    part: ControlPart,
    data: Mapping[str, Dataset],
    denoiser: Path,
    autoencoder: Path,
    tower: Path,
    out: Path,
    run: RunContext,
) -> None:
    """Train a control branch, and write it and its flags to `out`; the denoiser does not change.

    Args:
        part: settings.
        data: datasets by role.
        denoiser: folder of the text-conditional denoiser.
        autoencoder: folder of the autoencoder.
        tower: folder of the CLIP whose text tower reads captions.
        out: output folder.
        run: device, precision and seed.
    """
    flags = read_flags(denoiser / DENOISER_FLAGS, DenoiserFlags, "a trained text-conditional denoiser")
    settings, codec = part.training, load_codec(autoencoder, run)
    items = Items(part, data, run.derive(STAGE, "order"))
    unet = load_unet(denoiser)
    with seeded(run.derive(STAGE, "weights")):
        control = make_control(unet, part.network, channels(part.network.edges), codec.factor)
    model = Controlled(unet, control, part.network.hint_scale)
    optimizer = torch.optim.AdamW(
        control.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay, fused=fused(run)
    )
    diffusion = part.diffusion or flags.part.diffusion
    schedule, steps = NoiseSchedule(betas(diffusion)), items.steps()
    contexts = Contexts(load_tower(tower, flags.part.chunks, run), items.captions)
    loss = ControlLoss(part, diffusion, schedule, codec, contexts)
    task = LossTask(model, optimizer, loss, partial(rate_at, settings=settings, steps=steps), clip=settings.clip)
    make_batch = partial(_batch, items, time_weights(schedule, diffusion), settings.batch_size)
    options = TrainingOptions(steps, STAGE, ema=settings.ema or None, compile=settings.compile)
    trained = train(task, make_batch, options, out, run)["model"]
    assert isinstance(trained, Controlled)
    write_flags(out / CONTROL_FLAGS, ControlFlags(part=part, colours=items.painted))
    save_control(out, trained.control)


class ControlLoss:
    """The loss of a batch of `Items`."""

    def __init__(
        self, part: ControlPart, diffusion: TextProcess, schedule: NoiseSchedule, codec: Codec, contexts: Contexts
    ) -> None:
        self._part, self._learned, self._codec, self._contexts = part, diffusion.learned_variance, codec, contexts
        self._parameterisation = parameterise(diffusion, schedule)

    def __call__(self, network: nn.Module, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """Noise the latents at their steps and compare the predictions."""
        clean = self._codec.sample(self._codec.moments(batch["image"].float() / 127.5 - 1), generator)
        noise = randn(clean.shape, generator)
        context, hint = self._contexts(batch["caption"]), batch["hint"].float()
        return diffusion_loss(
            lambda x, times: network(x, times, context, hint),
            self._parameterisation,
            clean,
            batch["times"],
            noise,
            learned_variance=self._learned,
            norm=self._part.training.loss,
        )


def _batch(items: Items, weights: np.ndarray, size: int, step: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    return {**items.batch(step, rng), "times": draw_times(weights, size, rng)}
