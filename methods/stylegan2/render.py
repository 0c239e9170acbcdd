"""Drawing of images by class with a trained generator."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8

from bench.contract import Condition, RunContext
from bench.errors import DataError
from methods.diffusion.sampling import NoiseSource
from methods.sdm.render import image_arrays
from methods.stylegan2.generator import Generator
from methods.stylegan2.model import load_model


def draw_classes(
    conditions: Sequence[Condition], folder: Path, truncation: float, batch_size: int, run: RunContext
) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
    """Draw one image per condition, in order, with the averaged generator in `folder`, in float32.

    z and the noise of an image depend only on the seed of its condition, so other images in the batch change only the
    last bits.

    Raises:
        DataError: a condition has no class, or a class that the generator was not trained on.
    """
    generator, flags = load_model(folder, run)
    for condition in conditions:
        if condition.label is None or not 0 <= condition.label < flags.classes:
            raise DataError(
                f"Condition {condition.id} needs a class from 0 to {flags.classes - 1}", got=str(condition.label)
            )
    for first in range(0, len(conditions), batch_size):
        # gradients are off while a batch is drawn and on again while it is handed out, in case the caller stops early
        with torch.no_grad():
            images = _draw(generator, conditions[first : first + batch_size], truncation)
        yield from image_arrays(images)


def _draw(generator: Generator, batch: Sequence[Condition], truncation: float) -> torch.Tensor:
    device = generator.mean_sum.device
    source = NoiseSource([condition.seed for condition in batch], device)
    z = source.draw((generator.latent,))
    noise = [source.draw((1, size, size)) for size in generator.synthesis.noise_sizes]
    labels = torch.tensor([condition.label for condition in batch], device=device)
    result: torch.Tensor = generator(z, labels, noise, truncation)
    return result
