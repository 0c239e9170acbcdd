"""Training: generator and discriminator in turn, each with a regulariser every few steps."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from bench.contract import Dataset, RunContext
from bench.training import TrainingOptions, seeded, train
from bench.training.loop import Batch
from methods.stylegan2.augment import Augmentation
from methods.stylegan2.config import StyleGAN2Part, TrainingSettings
from methods.stylegan2.data import LabelledImages
from methods.stylegan2.discriminator import Discriminator
from methods.stylegan2.generator import Generator
from methods.stylegan2.losses import (
    discriminator_loss,
    generator_loss,
    path_lengths,
    path_penalty,
    r1_penalty,
)
from methods.stylegan2.model import Flags, make_generator, save_model

if TYPE_CHECKING:
    from lightning_fabric import Fabric


STAGE = "stylegan2"


def train_stylegan2(part: StyleGAN2Part, dataset: Dataset, out: Path, run: RunContext) -> None:
    """Train on a dataset of labelled images, and write the averaged generator to `out`."""
    images = LabelledImages(dataset, part.patch_size, run.derive(STAGE, "order"))
    flags = Flags(part=part, classes=images.classes)
    with seeded(run.derive(STAGE, "weights")):
        generator = make_generator(flags)
        discriminator = Discriminator(part.patch_size, images.classes, part.network)
    task = Adversaries(generator, discriminator, part.training, bf16=run.precision == "bf16-mixed")
    options = TrainingOptions(images.steps(part.training), STAGE)
    train(task, partial(images.batch, part.training), options, out, run)
    save_model(out, task.average, flags)


class State(nn.Module):
    """The running mean of path lengths, which is part of checkpoints."""

    path_mean: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("path_mean", torch.zeros(()))


class Adversaries:
    """The task of `bench.training.train`: four phases per step, in the order of the release.

    The phases are generator, path lengths (every 4 steps), discriminator and R1 (every 16 steps), each with its own
    optimiser step. A regulariser is multiplied by the number of steps between its phases, and Adam's rate and betas are
    adapted to the additional steps (StyleGAN2, appendix B, lazy regularisation).

    In bf16-mixed, the adversarial losses run in bfloat16, but the mapping networks, styles, demodulation, the last
    layers of the discriminator and the regularisers do not; 16-mixed trains in float32.
    """

    def __init__(
        self, generator: Generator, discriminator: Discriminator, settings: TrainingSettings, *, bf16: bool = False
    ) -> None:
        self.generator, self.discriminator = generator, discriminator
        self.average = copy.deepcopy(generator).requires_grad_(False)
        self.state, self.augmentation = State(), Augmentation(settings.augment)
        self.settings, self._bf16 = settings, bf16
        self.modules: Mapping[str, nn.Module] = {
            "generator": generator,
            "discriminator": discriminator,
            "average": self.average,
            "state": self.state,
            "augmentation": self.augmentation,
        }
        self.optimizers: Mapping[str, torch.optim.Optimizer] = {
            "generator": _adam(generator, settings, settings.path_every if settings.path_weight else None),
            "discriminator": _adam(discriminator, settings, settings.r1_every if settings.r1_weight else None),
        }

    def step(self, fabric: Fabric, batch: Batch, step: int, generator: torch.Generator) -> Mapping[str, float | Tensor]:
        """Run the phases that are due on one batch."""
        settings = self.settings
        real = batch["image"].float() / 127.5 - 1
        shown: dict[str, float | Tensor] = {**self._generator_phase(fabric, batch["label_generator"], generator)}
        if settings.path_weight and step % settings.path_every == 0:
            shown |= self._path_phase(fabric, batch["label_path"], generator)
        shown |= self._discriminator_phase(fabric, real, batch, step, generator)
        if settings.r1_weight and step % settings.r1_every == 0:
            shown |= self._r1_phase(fabric, real, batch["label"], generator)
        self._update_average(step)
        # a loss that is finite only if both networks are, so it is computed first
        return {"loss": shown["generator"] + shown["discriminator"], **shown}

    def _generator_phase(self, fabric: Fabric, labels: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        self.discriminator.requires_grad_(False)
        w = self._styles(labels, generator, track=True)
        with self._half(labels):
            logits = self._score(self._draw(w, generator), labels, generator)
        loss = generator_loss(logits)
        self._update(fabric, "generator", loss)
        self.discriminator.requires_grad_(True)
        return {"generator": loss.detach(), "fake_score": logits.detach().mean()}

    def _path_phase(self, fabric: Fabric, labels: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        settings = self.settings
        labels = labels[: max(1, round(settings.path_batch * len(labels)))]
        w = self._styles(labels, generator)
        lengths = path_lengths(self._draw(w, generator), w, generator)
        penalty, mean = path_penalty(lengths, self.state.path_mean, settings.path_decay)
        self._update(fabric, "generator", settings.path_weight * settings.path_every * penalty)
        self.state.path_mean.copy_(mean)
        return {"path_penalty": penalty.detach(), "path_length": mean.detach()}

    def _discriminator_phase(
        self, fabric: Fabric, real: Tensor, batch: Batch, step: int, generator: torch.Generator
    ) -> dict[str, Tensor]:
        labels = batch["label_discriminator"]
        with self._half(labels):
            with torch.no_grad():
                fake = self._draw(self._styles(labels, generator), generator)
            fake_logits = self._score(fake, labels, generator)
            real_logits = self._score(real, batch["label"], generator)
        loss = discriminator_loss(real_logits, fake_logits)
        self._update(fabric, "discriminator", loss)
        self.augmentation.adapt(real_logits.detach(), step)
        shown = {"discriminator": loss.detach(), "real_score": real_logits.detach().mean()}
        return shown | ({"augmentation": self.augmentation.probability} if self.settings.augment.enabled else {})

    def _r1_phase(self, fabric: Fabric, real: Tensor, labels: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        # at the images that the discriminator sees, because torch cannot differentiate a warp twice
        seen = self.augmentation(real, generator)
        penalty = r1_penalty(lambda images: self.discriminator(images, labels), seen)
        self._update(fabric, "discriminator", self.settings.r1_weight / 2 * self.settings.r1_every * penalty)
        return {"r1": penalty.detach()}

    def _styles(self, labels: Tensor, generator: torch.Generator, *, track: bool = False) -> Tensor:
        """Draw w for each layer; with probability `style_mixing`, layers from a random one on use a second w."""
        network, n = self.generator, len(labels)
        layers, device = network.synthesis.layers, labels.device

        def drawn() -> Tensor:
            with torch.autocast(device.type, enabled=False):
                z = torch.randn(n, network.latent, generator=generator, device=device)
                result: Tensor = network.mapping(z, labels)
                return result

        w = drawn()
        if track:
            network.track(w.detach(), labels)
        styles = w[:, None].expand(-1, layers, -1)
        if self.settings.style_mixing == 0:
            return styles
        return mix_styles(styles, drawn()[:, None], self.settings.style_mixing, generator)

    def _draw(self, w: Tensor, generator: torch.Generator) -> Tensor:
        sizes = self.generator.synthesis.noise_sizes
        noise = [torch.randn(len(w), 1, size, size, generator=generator, device=w.device) for size in sizes]
        result: Tensor = self.generator.synthesis(w, noise)
        return result

    def _score(self, images: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
        with torch.autocast(images.device.type, enabled=False):
            seen = self.augmentation(images.float(), generator)
        result: Tensor = self.discriminator(seen, labels)
        return result

    def _half(self, like: Tensor) -> AbstractContextManager[object]:
        return torch.autocast(like.device.type, dtype=torch.bfloat16) if self._bf16 else nullcontext()

    def _update(self, fabric: Fabric, name: str, loss: Tensor) -> None:
        optimizer = self.optimizers[name]
        optimizer.zero_grad(set_to_none=True)
        fabric.backward(loss)
        optimizer.step()

    @torch.no_grad()
    def _update_average(self, step: int) -> None:
        decay = average_decay(self.settings, step)
        for averaged, current in zip(self.average.parameters(), self.generator.parameters(), strict=True):
            averaged.lerp_(current, 1 - decay)
        for copied, buffer in zip(self.average.buffers(), self.generator.buffers(), strict=True):
            copied.copy_(buffer)


def mix_styles(w: Tensor, other: Tensor, probability: float, generator: torch.Generator) -> Tensor:
    """Replace the w of the layers from a random one on, with `probability`; one draw for the batch (StyleGAN, 3.1).

    Args:
        w: (n, layers, d).
        other: (n, 1, d) or (n, layers, d).
        probability: of mixing.
        generator: draws whether to mix, and the first layer, from layer 1 to the last.
    """
    layers, device = w.shape[1], w.device
    cut = torch.randint(1, layers, (1,), generator=generator, device=device)
    mixed = torch.rand(1, generator=generator, device=device) < probability
    later = (torch.arange(layers, device=device) >= cut) & mixed
    return torch.where(later[None, :, None], other, w)


def average_decay(settings: TrainingSettings, step: int) -> float:
    """Return the decay of the averaged weights at a step, computed from its half-life in images.

    With a ramp, the half-life is at most that share of the images seen so far, which short trainings need.
    """
    images = settings.ema_half_life * 1000
    if settings.ema_ramp is not None:
        images = min(images, settings.ema_ramp * step * settings.batch_size)
    return float(0.5 ** (settings.batch_size / max(images, 1e-8)))


def _adam(module: nn.Module, settings: TrainingSettings, every: int | None) -> torch.optim.Adam:
    """Return Adam; with a regulariser `every` few steps, rate and betas are adapted to every + 1 steps for `every`."""
    share = 1.0 if every is None else every / (every + 1)
    first, second = settings.betas
    return torch.optim.Adam(
        module.parameters(),
        lr=settings.learning_rate * share,
        betas=(first**share, second**share),
        eps=1e-8,
        fused=True,
    )
