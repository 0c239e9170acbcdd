"""Files that PathDiff and ControlNet start from: released parts, PLIP, and the weights of the perceptual loss."""

from __future__ import annotations

from collections.abc import Iterator

from bench.contract import Weights
from bench.weight_cards import weight_card
from methods.latent.starting_weights import lpips, released
from methods.pathdiff.config import PathDiffConfig, TowerSettings, tower_files


def starting_weights(config: PathDiffConfig) -> list[Weights]:
    """List the files of the settings, each with where it was found."""
    found = [
        *released("autoencoder", config.autoencoder),
        *released("text_diffusion", config.text_diffusion),
        *released("control", config.control),
        *_tower(config.text),
    ]
    if config.autoencoder.released is None:
        found += lpips("autoencoder.training", config.autoencoder.training.perceptual)
    if config.autoencoder.finetune is not None:
        found += lpips("autoencoder.finetune", config.autoencoder.finetune.perceptual)
    return found


def _tower(text: TowerSettings) -> Iterator[Weights]:
    if text.encoder is not None:
        return
    folder = None if text.weights is None else text.weights.expanduser()
    path = None if folder is None else next((path for path in tower_files(folder) if path.is_file()), None)
    plip = weight_card("plip")
    reason = "The folder of PLIP is not set." if folder is None else f"{folder} has no model.safetensors."
    yield Weights(
        name="the text tower (PLIP, a CLIP ViT-B/32)",
        setting="method.text.weights to the folder, or method.text.encoder=smoke to train a small one",
        source=plip.source,
        size=plip.size,
        licence=plip.licence,
        card=plip.name,
        path=path,
        reason="" if path is not None else reason,
    )
