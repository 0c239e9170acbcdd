"""Reconstruction of images by a trained autoencoder."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8

from bench.contract import RunContext
from methods.latent.autoencoder import load_codec
from methods.sdm.render import image_arrays


def reconstruct(
    images: Iterable[UInt8[np.ndarray, "h w 3"]], folder: Path, batch_size: int, run: RunContext
) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
    """Yield each image, encoded and decoded; latents are the means of their posteriors, so nothing is drawn.

    Args:
        images: images of one size, which the autoencoder's factor must divide.
        folder: folder of the autoencoder.
        batch_size: images per pass, whose number changes only the last bits.
        run: device and precision.
    """
    codec, stream = load_codec(folder, run), iter(images)
    while batch := list(itertools.islice(stream, batch_size)):
        pixels = torch.from_numpy(np.stack(batch)).permute(0, 3, 1, 2).float() / 127.5 - 1
        with torch.no_grad():
            decoded = codec.decode(codec.mean(codec.moments(pixels)))
        yield from image_arrays(decoded)
