"""Files that HistoDiffusion starts from: released parts, and the published weights of its perceptual loss."""

from __future__ import annotations

from bench.contract import Weights
from methods.histodiffusion.config import HistoDiffusionConfig
from methods.latent.starting_weights import lpips, released


def starting_weights(config: HistoDiffusionConfig) -> list[Weights]:
    """List the files of the settings, each with where it was found."""
    found = [
        *released("autoencoder", config.autoencoder),
        *released("latent_diffusion", config.latent_diffusion),
        *released("latent_classifier", config.latent_classifier),
    ]
    if config.autoencoder.released is None:
        found += lpips("autoencoder.training", config.autoencoder.training.perceptual)
    if config.finetune:
        found += lpips("decoder", config.decoder.perceptual)
    return found
