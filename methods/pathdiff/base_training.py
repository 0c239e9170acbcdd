"""Stage A: training of the text-conditional denoiser of latents on images with captions."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from bench.contract import Dataset, RunContext
from bench.training import LossTask, TrainingOptions, fused, randn, seeded, train, write_flags
from bench.training.loop import Batch
from methods.diffusion.loss import diffusion_loss
from methods.diffusion.parameterisation import parameterise
from methods.diffusion.schedule import NoiseSchedule, betas, draw_times, time_weights
from methods.latent.autoencoder import Codec, load_codec
from methods.latent.conditional import TextDenoiser, make_text_unet
from methods.latent.diffusion_training import rate_at
from methods.latent.text_config import TextDiffusionPart
from methods.latent.windows import Windows
from methods.pathdiff.contexts import Contexts
from methods.pathdiff.flags import DENOISER_FLAGS, DenoiserFlags
from methods.pathdiff.pipeline import save_pipeline
from methods.text.tower import load_tower

STAGE = "text-diffusion"


def train_text_diffusion(
    part: TextDiffusionPart, text: Dataset, autoencoder: Path, tower: Path, out: Path, run: RunContext
) -> None:
    """Train on the latents of images with captions, and write a text-to-image pipeline and flags to `out`.

    Args:
        part: settings.
        text: images with captions.
        autoencoder: folder of the autoencoder.
        tower: folder of the CLIP whose text tower reads captions.
        out: output folder.
        run: device, precision and seed.
    """
    settings, codec = part.training, load_codec(autoencoder, run)
    windows = Windows([text], part.patch_size, run.derive(STAGE, "order"))
    captions = ["", *windows.captions()]
    reader = load_tower(tower, part.chunks, run)
    shape = (codec.channels, part.patch_size // codec.factor, part.patch_size // codec.factor)
    with seeded(run.derive(STAGE, "weights")):
        denoiser = TextDenoiser(make_text_unet(part.network, shape, reader.width))
    optimizer = torch.optim.AdamW(
        denoiser.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay, fused=fused(run)
    )
    steps = windows.steps(settings)
    schedule = NoiseSchedule(betas(part.diffusion))
    loss = TextLoss(part, schedule, codec, Contexts(reader, captions))
    task = LossTask(denoiser, optimizer, loss, partial(rate_at, settings=settings, steps=steps), clip=settings.clip)
    places = {caption: place for place, caption in enumerate(captions)}
    weights = time_weights(schedule, part.diffusion)
    options = TrainingOptions(steps, STAGE, ema=settings.ema or None, compile=settings.compile)
    trained = train(task, partial(_batch, part, windows, places, weights), options, out, run)["model"]
    assert isinstance(trained, TextDenoiser)
    write_flags(out / DENOISER_FLAGS, DenoiserFlags(part=part, shape=shape, context=reader.width))
    save_pipeline(out, trained.unet, part.diffusion, autoencoder, tower)


class TextLoss:
    """The loss of a batch of images with captions."""

    def __init__(self, part: TextDiffusionPart, schedule: NoiseSchedule, codec: Codec, contexts: Contexts) -> None:
        self._part, self._codec, self._contexts = part, codec, contexts
        self._parameterisation = parameterise(part.diffusion, schedule)

    def __call__(self, network: nn.Module, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """Noise the latents at their steps and compare the predictions."""
        clean = self._codec.sample(self._codec.moments(batch["image"].float() / 127.5 - 1), generator)
        noise = randn(clean.shape, generator)
        context = self._contexts(batch["caption"])
        return diffusion_loss(
            lambda x, times: network(x, times, context),
            self._parameterisation,
            clean,
            batch["times"],
            noise,
            learned_variance=self._part.diffusion.learned_variance,
            norm=self._part.training.loss,
        )


def _batch(
    part: TextDiffusionPart,
    windows: Windows,
    places: Mapping[str, int],
    weights: np.ndarray,
    step: int,
    rng: np.random.Generator,
) -> dict[str, np.ndarray]:
    settings = part.training
    drawn = [windows.draw(index, settings.orient, rng) for index in windows.order(step, settings.batch_size)]
    dropped = rng.random(len(drawn)) < settings.p_uncond
    captions = [0 if drop else places[window.caption] for window, drop in zip(drawn, dropped, strict=True)]
    return {
        "image": np.stack([window.image.transpose(2, 0, 1) for window in drawn]),
        "caption": np.array(captions, np.int64),
        "times": draw_times(weights, len(drawn), rng),
    }
