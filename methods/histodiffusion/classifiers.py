"""The two classifiers: one for images, and one for latents at every noise level."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from bench.contract import Dataset, RunContext, Settings
from bench.training import (
    LossTask,
    TrainingOptions,
    fused,
    load_weights,
    randn,
    read_flags,
    save_weights,
    seeded,
    train,
    write_flags,
)
from bench.training.loop import Batch, MakeBatch
from methods.diffusion.schedule import NoiseSchedule, betas
from methods.histodiffusion.config import ClassifierTraining, ImageClassifierPart, LatentClassifierPart
from methods.latent.autoencoder import load_codec
from methods.latent.config import EncoderSettings
from methods.latent.encoder_unet import EncoderUNet
from methods.latent.images import Images
from methods.latent.latents import Latents
from methods.latent.memory import lay_out

WEIGHTS, FLAGS = "weights.safetensors", "classifier.json"


class Flags(Settings):
    """What the weights of a classifier were trained for."""

    network: EncoderSettings
    channels: int
    size: int
    classes: int


def train_image_classifier(part: ImageClassifierPart, dataset: Dataset, out: Path, run: RunContext) -> None:
    """Train the auxiliary classifier on labelled images; its step is always 0."""
    stage, settings = "image-classifier", part.training
    images = Images(dataset, part.patch_size, run.derive(stage, "order"), labelled=True)
    flags = Flags(network=part.network, channels=3, size=part.patch_size, classes=images.classes)

    def loss(network: nn.Module, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        pixels = batch["image"].to(torch.float32, memory_format=torch.channels_last) / 127.5 - 1
        return _errors(network(pixels, torch.zeros_like(batch["label"])), batch["label"])

    def make(step: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
        return images.batch(step, settings.batch_size, settings.orient, rng)

    _train(stage, flags, settings, images.steps(settings), loss, make, out, run)


def train_latent_classifier(
    part: LatentClassifierPart, dataset: Dataset, autoencoder: Path, out: Path, run: RunContext
) -> None:
    """Train the guiding classifier on latents of labelled images, noised to a step drawn uniformly from all steps.

    Without `part.diffusion`, latents stay clean and the step is 0, as in the release.
    """
    stage, settings, codec = "latent-classifier", part.training, load_codec(autoencoder, run)
    images = Images(dataset, int(codec.network.config.sample_size), run.derive(stage, "order"), labelled=True)
    latents = Latents(images, codec, settings)
    flags = Flags(network=part.network, channels=codec.channels, size=latents.shape[1], classes=images.classes)
    schedule = None if part.diffusion is None else NoiseSchedule(betas(part.diffusion))

    def loss(network: nn.Module, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        x, times = noised(latents.draw(batch, generator), batch["times"], schedule, generator)
        return _errors(network(x.contiguous(memory_format=torch.channels_last), times), batch["label"])

    def make(step: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
        steps = 1 if schedule is None else len(schedule)
        return {**latents.batch(step, rng), "times": rng.integers(steps, size=settings.batch_size)}

    _train(stage, flags, settings, images.steps(settings), loss, make, out, run)


def noised(
    clean: Tensor, times: Tensor, schedule: NoiseSchedule | None, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Return latents noised to their steps, and the steps; without a schedule, clean latents and step 0."""
    if schedule is None:
        return clean, torch.zeros_like(times)
    noise = randn(clean.shape, generator)
    return schedule.add_noise(clean, noise, times), times


def save_classifier(folder: Path, network: nn.Module, flags: Flags) -> None:
    """Write the flags and then the weights, so that the weights are never without flags."""
    write_flags(folder / FLAGS, flags)
    save_weights(folder / WEIGHTS, network)


def load_classifier(folder: Path, run: RunContext) -> tuple[nn.Module, Flags]:
    """Load a classifier for use, frozen, on the device and in the precision of the run.

    Raises:
        DataError: there is none, or its files do not fit each other.
    """
    from bench.training.fabric import Fabric

    flags = read_flags(folder / FLAGS, Flags, "a trained classifier")
    network = make_classifier(flags)
    load_weights(folder / WEIGHTS, network)
    fabric = Fabric(accelerator=run.device, devices=1, precision=run.precision)  # type: ignore[arg-type]
    return fabric.setup_module(lay_out(network.eval().requires_grad_(False), fabric.device)), flags


def rate_at(step: int, settings: ClassifierTraining, steps: int) -> float:
    """Return the learning rate of a step as a multiple of the first one."""
    return 1 - step / steps if settings.anneal else 1.0


def make_classifier(flags: Flags) -> EncoderUNet:
    """Return an untrained classifier."""
    return EncoderUNet(flags.network, flags.channels, flags.size, flags.classes)


def _train(
    stage: str,
    flags: Flags,
    settings: ClassifierTraining,
    steps: int,
    loss: object,
    make: MakeBatch,
    out: Path,
    run: RunContext,
) -> None:
    with seeded(run.derive(stage, "weights")):
        network = make_classifier(flags)
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay, fused=fused(run)
    )
    rate = partial(rate_at, settings=settings, steps=steps)
    task = LossTask(network, optimizer, loss, rate=rate, clip=settings.clip)  # type: ignore[arg-type]
    trained = train(task, make, TrainingOptions(steps, stage, ema=settings.ema), out, run)
    save_classifier(out, trained["model"], flags)


def _errors(logits: Tensor, labels: Tensor) -> dict[str, Tensor]:
    right = (logits.argmax(dim=1) == labels).float().mean()
    return {"loss": cross_entropy(logits.float(), labels), "accuracy": right}
