"""Drawing of images from label maps with a trained SDM."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from bench.contract import Condition, RunContext
from bench.errors import DataError
from methods.diffusion.config import SamplerSettings
from methods.diffusion.guidance import guided, needs_null
from methods.diffusion.sampling import NoiseSource, Sampler
from methods.diffusion.schedule import NoiseSchedule, betas
from methods.sdm.condition import condition_map
from methods.sdm.labels import Labels
from methods.sdm.model import Flags, centre_of, load_model

# Bytes that modulations may take: all modulations for small images, only those of coarse levels at the published size.
KEPT_MODULATIONS = 2**30

StartImage = Callable[[Condition], UInt8[np.ndarray, "h w 3"]]


def draw_images(
    conditions: Sequence[Condition],
    folder: Path,
    sampler: SamplerSettings,
    scale: float,
    run: RunContext,
    *,
    start: StartImage | None = None,
    count: int | None = None,
) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
    """Draw one image per condition, in order, with the network in `folder`.

    The noise of an image depends only on the seed of its condition, so other images in the batch change only the last
    bits.

    Args:
        conditions: label maps, all of one size.
        folder: the folder that `train_sdm` wrote.
        sampler: how to sample.
        scale: guidance scale, in the convention of the released code.
        run: device and precision.
        start: returns the image whose noised version sampling starts from; None for pure noise.
        count: number of remaining steps from there.
    """
    network, flags = load_model(folder, run)
    device = next(network.parameters()).device
    schedule = NoiseSchedule(betas(flags.part.diffusion))
    steps = Sampler(flags.part.diffusion, sampler, schedule, centre_of(flags).to(device))

    def drawn(batch: Sequence[Condition]) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
        noise = NoiseSource([condition.seed for condition in batch], device)
        labels = label_tensor(batch, flags.classes).to(device)
        if start is None:
            x = noise.draw((3, *labels.shape[2:]))
        else:
            clean = image_tensor([start(condition) for condition in batch]).to(device)
            x = steps.start(clean, noise, len(steps.schedule) if count is None else count)
        x = x.contiguous(memory_format=torch.channels_last)
        return image_arrays(steps.run(predictor(network, flags, labels, scale), x, noise, count))

    for first in range(0, len(conditions), sampler.batch_size):
        # gradients are off while a batch is drawn and on again while it is handed out, in case the caller stops early
        with torch.no_grad():
            images = drawn(conditions[first : first + sampler.batch_size])
        yield from images


def predictor(
    network: nn.Module, flags: Flags, labels: Float[Tensor, "n l h w"], scale: float
) -> Callable[[Tensor, int], Tensor]:
    """Return the guided network for one batch of labels; the null condition is all zero."""
    doubled = torch.cat([labels, torch.zeros_like(labels)]) if needs_null(scale) else labels
    known = Labels(doubled.contiguous(memory_format=torch.channels_last), keep=KEPT_MODULATIONS)
    return guided(
        lambda x, times: network(x, times, known), scale, learned_variance=flags.part.diffusion.learned_variance
    )


def label_tensor(conditions: Sequence[Condition], classes: int) -> Float[Tensor, "n l h w"]:
    """Stack the conditions' label maps.

    Raises:
        DataError: a condition has no label map.
    """
    maps = []
    for condition in conditions:
        if condition.instances is None or condition.types is None:
            raise DataError(f"Condition {condition.id} has no label map", got="no label map")
        maps.append(condition_map(condition.instances, condition.types, classes))
    return torch.from_numpy(np.stack(maps)).float()


def image_tensor(images: Sequence[UInt8[np.ndarray, "h w 3"]]) -> Float[Tensor, "n 3 h w"]:
    """Return a stack of images in [-1, 1]."""
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float() / 127.5 - 1


def image_arrays(x: Float[Tensor, "n 3 h w"]) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
    """Yield images in [-1, 1] rounded to grey levels, with halves rounded up."""
    levels = ((x.float() + 1) * 127.5 + 0.5).clamp(0, 255).to(torch.uint8)
    yield from levels.permute(0, 2, 3, 1).contiguous().cpu().numpy()
