"""The released latent classifier as a part: compared with settings and latents, and saved as a trained one is."""

from __future__ import annotations

from pathlib import Path

from diffusers import AutoencoderKL

from methods.histodiffusion.classifiers import Flags, make_classifier, save_classifier
from methods.latent.autoencoder import load_autoencoder
from methods.latent.checkpoints import read_checkpoint
from methods.latent.config import ReleasedClassifierPart
from methods.latent.encoder_unet import EncoderUNet
from methods.latent.released_classifier import class_count, load_released_classifier


def keep_classifier(part: ReleasedClassifierPart, file: Path, autoencoder: Path, out: Path) -> None:
    """Read a released classifier, and write the files that `train_latent_classifier` would write to `out`."""
    save_classifier(out, *read_classifier(part, file, load_autoencoder(autoencoder)))


def read_classifier(part: ReleasedClassifierPart, file: Path, autoencoder: AutoencoderKL) -> tuple[EncoderUNet, Flags]:
    """Return a released classifier of the latents of an autoencoder, and what it was trained for.

    Raises:
        DataError: the file does not fit the settings, or is for other latents.
    """
    checkpoint, codec = read_checkpoint(file), autoencoder.config
    side = int(codec.sample_size) // 2 ** (len(codec.block_out_channels) - 1)
    flags = Flags(network=part.network, channels=int(codec.latent_channels), size=side, classes=class_count(checkpoint))
    return load_released_classifier(make_classifier(flags), checkpoint), flags


def classes_of(file: Path) -> int:
    """Return the number of classes of a released classifier."""
    return class_count(read_checkpoint(file))
