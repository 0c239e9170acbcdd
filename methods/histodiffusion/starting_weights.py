"""Files that HistoDiffusion starts from: released parts, and the published weights of its perceptual loss."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from bench.contract import Weights
from methods.histodiffusion.config import HistoDiffusionConfig
from methods.latent.config import PerceptualSettings, ReleasedSettings


def starting_weights(config: HistoDiffusionConfig) -> list[Weights]:
    """List the files of the settings, each with where it was found."""
    found = [
        *_released("autoencoder", config.autoencoder),
        *_released("latent_diffusion", config.latent_diffusion),
        *_released("latent_classifier", config.latent_classifier),
    ]
    if config.autoencoder.released is None:
        found += _lpips("autoencoder.training", config.autoencoder.training.perceptual)
    if config.finetune:
        found += _lpips("decoder", config.decoder.perceptual)
    return found


def _released(part: str, settings: ReleasedSettings) -> Iterator[Weights]:
    if settings.released is not None and settings.released_sha256 is not None:
        yield Weights(
            name=f"the released checkpoint of {part}",
            setting=f"method.{part}.released",
            source="who released it",
            size="any",
            sha256=(settings.released_sha256,),
            path=settings.released,
        )


def _lpips(part: str, settings: PerceptualSettings) -> Iterator[Weights]:
    if settings.features == "lpips" and settings.weight > 0:
        from metrics.perceptual import lpips_weights

        needed = lpips_weights(settings.weights, "vgg")
        setting = f"method.{part}.perceptual.weights to the folder that holds it, or .features=random-convnet"
        yield replace(needed, setting=setting)
