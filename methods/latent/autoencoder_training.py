"""Training of autoencoders against a patch discriminator (VQGAN's losses, weighted as in latent diffusion)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch
from diffusers import AutoencoderKL
from torch import Tensor, nn

from bench.contract import Dataset, RunContext
from bench.training import TrainingOptions, seeded, torch_generator, train
from bench.training.loop import Batch
from methods.latent.autoencoder import (
    Autoencoder,
    Codec,
    Reconstructing,
    load_autoencoder,
    make_autoencoder,
    save_autoencoder,
)
from methods.latent.colours import Whitening
from methods.latent.config import AutoencoderPart, AutoencoderTraining, BatchSettings
from methods.latent.discriminator import PatchDiscriminator
from methods.latent.images import Images
from methods.latent.perceptual import perceptual_loss

if TYPE_CHECKING:
    from lightning_fabric import Fabric


STAGE = "autoencoder"

# Number of images on which colours are measured.
MEASURED = 256


class TrainingImages(Protocol):
    """Images of one size, batch by batch: :class:`Images`, or windows of tiles."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> tuple[np.ndarray, int]:
        """Return an image, uint8 (h, w, 3), and its class, or -1."""
        ...

    def steps(self, settings: BatchSettings, batches: int = 1) -> int:
        """Return the number of steps of a training with `batches` batches per step."""
        ...

    def batch(self, step: int, size: int, turned: bool, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Return the images of a step under "image", uint8 (n, 3, h, w)."""
        ...


def train_autoencoder(part: AutoencoderPart, dataset: Dataset, out: Path, run: RunContext) -> None:
    """Train on the images of a dataset, and write the network with its latent scale, in diffusers' layout, to `out`."""
    with seeded(run.derive(STAGE, "weights")):
        network = make_autoencoder(part.network, part.patch_size)
        discriminator = PatchDiscriminator(part.training.discriminator_width, part.training.discriminator_layers)
    images = Images(dataset, part.patch_size, run.derive(STAGE, "order"))
    train_networks(network, discriminator, images, part.training, out, run)


def train_autoencoder_on(
    part: AutoencoderPart, images: TrainingImages, out: Path, run: RunContext, start: Path | None = None
) -> None:
    """Train on given images; with `start`, continue with the weights in that folder, and keep their latent scale."""
    settings, scale = part.training, None
    with seeded(run.derive(STAGE, "weights")):
        network = make_autoencoder(part.network, part.patch_size) if start is None else load_autoencoder(start)
        discriminator = PatchDiscriminator(settings.discriminator_width, settings.discriminator_layers)
    if start is not None:  # its input is RGB already
        scale, settings = float(network.config.scaling_factor), settings.model_copy(update={"whitening": 0.0})
    train_networks(network, discriminator, images, settings, out, run, scale)


def train_networks(
    network: Autoencoder,
    discriminator: nn.Module,
    images: TrainingImages,
    settings: AutoencoderTraining,
    out: Path,
    run: RunContext,
    scale: float | None = None,
) -> None:
    """Train both networks and write the autoencoder to `out`; None for `scale` measures it."""
    steps = images.steps(settings, settings.accumulate)
    whitening = Whitening(_some(images), settings.whitening)
    perceptual = perceptual_loss(settings.perceptual)
    task = Adversaries(Reconstructing(network), discriminator, perceptual, whitening, settings, steps)
    options = TrainingOptions(steps, STAGE, ema=settings.ema)
    trained = train(task, partial(_batch, images, settings), options, out, run)
    fitted = trained["autoencoder"]
    assert isinstance(fitted, Reconstructing)
    network = fitted.network
    whitening.fold(network)
    save_autoencoder(out, network, latent_scale(network, images, settings, run) if scale is None else scale)


def latent_scale(network: Autoencoder, images: TrainingImages, settings: AutoencoderTraining, run: RunContext) -> float:
    """Return 1 / standard deviation of the latents of the first batch, as `scale_by_std` of latent diffusion does."""
    codec = Codec(network, run)
    batch = images.batch(0, settings.batch_size * settings.accumulate, False, run.rng(STAGE, "scale"))
    moments = codec.moments(torch.from_numpy(batch["image"]).float() / 127.5 - 1)
    generator = torch_generator(run.derive(STAGE, "scale"), str(codec.device))
    return 1 / max(float(codec.sample(moments, generator).double().std()) / codec.scale, 1e-6)


class Adversaries:
    """The task of `bench.training.train`: autoencoder and discriminator, each with its own optimiser.

    Errors are means over pixel values. Latent diffusion sums them over an image; therefore its KL, which is summed over
    latents, is divided by the number of pixel values here, which gives the same direction of the gradient.
    """

    def __init__(
        self,
        autoencoder: Reconstructing,
        discriminator: nn.Module,
        perceptual: nn.Module | None,
        whitening: Whitening,
        settings: AutoencoderTraining,
        steps: int,
    ) -> None:
        self.modules: Mapping[str, nn.Module] = {"autoencoder": autoencoder, "discriminator": discriminator}
        self.optimizers: Mapping[str, torch.optim.Optimizer] = {
            name: torch.optim.Adam(module.parameters(), lr=settings.learning_rate, betas=settings.betas, fused=True)
            for name, module in self.modules.items()
        }
        self._last = autoencoder.network.decoder.conv_out.weight
        kl = isinstance(autoencoder.network, AutoencoderKL)
        self._regular = "kl" if kl else "codebook"
        self._regular_weight = settings.kl_weight if kl else settings.codebook_weight
        self._perceptual, self._whitening, self._settings, self._steps = perceptual, whitening, settings, steps

    def step(self, fabric: Fabric, batch: Batch, step: int, generator: torch.Generator) -> Mapping[str, float | Tensor]:
        """Update the autoencoder and then the discriminator, on the same batches."""
        settings, adversarial = self._settings, step >= self._settings.discriminator_start
        if self._perceptual is not None:
            self._perceptual.to(fabric.device)
        for optimizer in self.optimizers.values():
            optimizer.zero_grad(set_to_none=True)
            for group in optimizer.param_groups:
                group["lr"] = settings.learning_rate * self._rate(step)
        shown: dict[str, Tensor] = {}
        images = batch["image"].to(torch.float32, memory_format=torch.channels_last) / 127.5 - 1
        parts = images.chunk(settings.accumulate)
        drawn: list[Tensor] = []
        discriminator = self.modules["discriminator"].requires_grad_(False)
        for real in parts:
            white = self._whitening.apply(real)
            decoded, regular = self.modules["autoencoder"](white, generator)
            fake = self._whitening.undo(decoded)
            reconstruction = self._reconstruction((decoded - white).abs().mean(), fake, real)
            total = reconstruction + self._regular_weight * regular
            _add(shown, {"reconstruction": reconstruction, self._regular: regular}, len(parts))
            if adversarial:
                score = -discriminator(fake).mean()
                weight = settings.discriminator_weight * self._ratio(reconstruction, score)
                total = total + weight * score
                _add(shown, {"generator": score, "adversarial_weight": torch.as_tensor(weight)}, len(parts))
                drawn.append(fake.detach())
            _add(shown, {"loss": total}, len(parts))
            fabric.backward(total / len(parts))
        self._update(fabric, "autoencoder")
        discriminator.requires_grad_(True)
        for real, fake in zip(parts, drawn, strict=False):
            loss = hinge(discriminator(real), discriminator(fake))
            fabric.backward(loss / len(parts))
            _add(shown, {"discriminator": loss}, len(parts))
        if drawn:
            self._update(fabric, "discriminator")
        return {"loss": shown.pop("loss"), **shown}

    def _reconstruction(self, error: Tensor, fake: Tensor, real: Tensor) -> Tensor:
        if self._perceptual is not None:
            error = error + self._settings.perceptual.weight * self._perceptual(fake, real).mean()
        return error

    def _ratio(self, reconstruction: Tensor, score: Tensor) -> Tensor | float:
        """Return |gradient of the reconstruction| / |gradient of the score| at the decoder's last layer."""
        if not self._settings.discriminator_adaptive:
            return 1.0
        (wanted,) = torch.autograd.grad(reconstruction, self._last, retain_graph=True)
        (given,) = torch.autograd.grad(score, self._last, retain_graph=True)
        result: Tensor = (wanted.norm() / (given.norm() + 1e-4)).clamp(0, 1e4).detach()
        return result

    def _rate(self, step: int) -> float:
        return 0.5 * (1 + math.cos(math.pi * step / self._steps)) if self._settings.decay else 1.0

    def _update(self, fabric: Fabric, name: str) -> None:
        if self._settings.clip is not None and name == "autoencoder":
            fabric.clip_gradients(self.modules[name], self.optimizers[name], max_norm=self._settings.clip)
        self.optimizers[name].step()


def hinge(real: Tensor, fake: Tensor) -> Tensor:
    """Return the discriminator's loss: 0 if real patches score more than 1 and drawn ones less than -1."""
    return 0.5 * (torch.relu(1 - real).mean() + torch.relu(1 + fake).mean())


def cut(image: np.ndarray, side: int, rng: np.random.Generator) -> np.ndarray:
    """Return a random square of `side` pixels of an image: (c, h, w) to (c, side, side), as a view."""
    top, left = (int(rng.integers(length - side + 1)) for length in image.shape[1:])
    return image[:, top : top + side, left : left + side]


def _add(shown: dict[str, Tensor], values: Mapping[str, Tensor], parts: int) -> None:
    for name, value in values.items():
        shown[name] = shown.get(name, 0) + value.detach() / parts


def _some(images: TrainingImages) -> Tensor:
    """Return up to `MEASURED` images, evenly spaced, uint8 (n, 3, h, w)."""
    chosen = np.linspace(0, len(images) - 1, min(MEASURED, len(images))).round().astype(int)
    return torch.from_numpy(np.stack([images[int(index)][0].transpose(2, 0, 1) for index in chosen]))


def _batch(
    images: TrainingImages, settings: AutoencoderTraining, step: int, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    batch = images.batch(step, settings.batch_size * settings.accumulate, settings.orient, rng)
    if settings.crop is None:
        return batch
    return {**batch, "image": np.stack([cut(image, settings.crop, rng) for image in batch["image"]])}
