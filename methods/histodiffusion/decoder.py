"""Fine-tuning of the decoder, so that decoded latents show their class (section 2.2; no code was released)."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from bench.contract import Dataset, RunContext
from bench.training import LossTask, TrainingOptions, fused, train
from bench.training.loop import Batch
from methods.histodiffusion.classifiers import load_classifier
from methods.histodiffusion.config import DecoderPart, DecoderSettings
from methods.latent.autoencoder import load_autoencoder, load_codec, save_autoencoder
from methods.latent.images import Images
from methods.latent.latents import Latents
from methods.latent.perceptual import perceptual_loss

STAGE = "decoder"


def finetune_decoder(
    part: DecoderPart, dataset: Dataset, autoencoder: Path, classifier: Path, out: Path, run: RunContext
) -> None:
    """Train an autoencoder's decoder on labelled images, and write the autoencoder with its old encoder to `out`."""
    settings, codec = part.training, load_codec(autoencoder, run)
    images = Images(dataset, int(codec.network.config.sample_size), run.derive(STAGE, "order"), labelled=True)
    network = load_autoencoder(autoencoder)
    scale = float(network.config.scaling_factor)
    decoder = Decoder(network)
    judge, _ = load_classifier(classifier, run)
    optimizer = torch.optim.Adam(decoder.parameters(), lr=settings.learning_rate, fused=fused(run))
    loss = DecoderLoss(part, Latents(images, codec, settings, kept=False), judge, scale)
    make_batch = partial(_batch, images, settings)
    options = TrainingOptions(images.steps(settings), STAGE)
    trained = train(LossTask(decoder, optimizer, loss, clip=settings.clip), make_batch, options, out, run)
    del trained  # the decoder consists of modules of the network
    save_autoencoder(out, network.cpu(), scale)


class Decoder(nn.Module):
    """The decoding half of an autoencoder; the encoding half is not part of it and stays unchanged."""

    def __init__(self, network: AutoencoderKL) -> None:
        super().__init__()
        network.requires_grad_(False)
        self.decoder = network.decoder.requires_grad_(True)
        self.post_quant_conv = network.post_quant_conv.requires_grad_(True)

    def forward(self, latents: Tensor) -> Tensor:
        """Return the images of latents that are not scaled."""
        result: Tensor = self.decoder(self.post_quant_conv(latents))
        return result


class DecoderLoss:
    """Reconstruction (L1 + perceptual) + classification_weight * cross-entropy of the reconstruction's class."""

    def __init__(self, part: DecoderPart, latents: Latents, judge: nn.Module, scale: float) -> None:
        self._settings, self._latents, self._judge, self._scale = part.training, latents, judge, scale
        self._perceptual = perceptual_loss(part.training.perceptual)

    def __call__(self, network: nn.Module, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """Encode and decode the batch, and classify the result."""
        real = batch["image"].to(torch.float32, memory_format=torch.channels_last) / 127.5 - 1
        latents = self._latents.draw({"image": batch["image"]}, generator) / self._scale
        fake = network(latents.contiguous(memory_format=torch.channels_last))
        reconstruction = (fake - real).abs().mean()
        if self._perceptual is not None:
            distance = self._perceptual.to(fake.device)(fake, real).mean()
            reconstruction = reconstruction + self._settings.perceptual.weight * distance
        logits = self._judge(fake, torch.zeros_like(batch["label"])).float()
        error = cross_entropy(logits, batch["label"])
        total = reconstruction + self._settings.classification_weight * error
        return {"loss": total, "reconstruction": reconstruction, "cross_entropy": error}


def _batch(images: Images, settings: DecoderSettings, step: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    return images.batch(step, settings.batch_size, settings.orient, rng)
