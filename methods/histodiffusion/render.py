"""Drawing of images by class: guided DDIM on latents, then the decoder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8

from bench.contract import Condition, RunContext
from bench.errors import DataError
from methods.diffusion.guidance import classifier_score
from methods.diffusion.sampling import NoiseSource, Sampler
from methods.diffusion.schedule import NoiseSchedule, betas
from methods.histodiffusion.classifiers import load_classifier
from methods.histodiffusion.config import HistoDiffusionConfig
from methods.latent.autoencoder import load_codec
from methods.latent.memory import laid_out
from methods.latent.unet import load_denoiser
from methods.sdm.render import image_arrays


def draw_classes(
    conditions: Sequence[Condition],
    config: HistoDiffusionConfig,
    denoiser: Path,
    classifier: Path,
    decoder: Path,
    run: RunContext,
) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
    """Draw one image per condition, in order.

    The noise of an image depends only on the seed of its condition, so other images in the batch change only the last
    bits.

    Args:
        conditions: what to show.
        config: sampler and guidance.
        denoiser: folder of the diffusion model.
        classifier: folder of the latent classifier.
        decoder: folder of the autoencoder that decodes.
        run: device and precision.

    Raises:
        DataError: a condition has no class, or a class that the classifier was not trained on.
    """
    (network, flags), (judge, judged), codec = (
        load_denoiser(denoiser, run),
        load_classifier(classifier, run),
        load_codec(decoder, run),
    )
    for condition in conditions:
        if condition.label is None or not 0 <= condition.label < judged.classes:
            raise DataError(
                f"Condition {condition.id} needs a class from 0 to {judged.classes - 1}",
                got=str(condition.label),
            )
    diffusion = flags.part.diffusion
    sampler = Sampler(diffusion, config.sampler, NoiseSchedule(betas(diffusion)))

    def predict(x: torch.Tensor, time: int) -> torch.Tensor:
        result: torch.Tensor = network(x, torch.full((len(x),), time, device=x.device, dtype=torch.int64))
        return result

    def draw(batch: Sequence[Condition]) -> torch.Tensor:
        noise = NoiseSource([condition.seed for condition in batch], codec.device)
        x = laid_out(noise.draw(flags.shape))
        labels = torch.tensor([condition.label for condition in batch], device=codec.device)
        score = classifier_score(
            judge,
            labels,
            config.guidance_scale,
            sampler.schedule,
            noised=config.noised_classifier,
            level_index=config.level_index,
        )
        return codec.decode(sampler.run(predict, x, noise, score=score))

    size = config.sampler.batch_size
    for first in range(0, len(conditions), size):
        # gradients are off while a batch is drawn and on again while it is handed out, in case the caller stops early
        with torch.no_grad():
            images = draw(conditions[first : first + size])
        yield from image_arrays(images)
