"""Real label maps with images of noise, which must be the worst arm."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float64, UInt8

from bench.contract import Condition, Dataset, RunContext
from methods.controls.base import Control
from methods.patches import PatchSettings

Moments = tuple[Float64[np.ndarray, " 3"], Float64[np.ndarray, " 3"]]


class Noise(Control):
    """Gaussian noise, independent in every pixel, with the mean and deviation of each channel of the training set.

    It can draw any label map, because it does not use it.
    """

    draws_any_mask = True

    def __init__(self, config: PatchSettings) -> None:
        """Store the settings."""
        super().__init__(config)
        self._moments: dict[str, Moments] = {}

    def plan(self, data: Mapping[str, Dataset], n: int, rng: np.random.Generator) -> Iterator[Condition]:
        """Draw windows of the training tiles for their labels, and a seed for each image."""
        for number, (sample, crop) in enumerate(self.windows(data["train"], n, rng)):
            yield self.condition("noise", number, sample, crop, seed=int(rng.integers(2**53)))

    def render(
        self,
        conditions: Sequence[Condition],
        data: Mapping[str, Dataset],
        fitted: Mapping[str, Path],
        run: RunContext,
    ) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
        """Draw each image from the seed of its condition, in the size of its label map or else of the patch."""
        train = data["train"]
        if train.digest not in self._moments:
            self._moments[train.digest] = channel_moments(train)
        mean, deviation = self._moments[train.digest]
        for condition in conditions:
            patch = (self.config.patch_size, self.config.patch_size)
            size = patch if condition.instances is None else condition.instances.shape
            noise = np.random.default_rng(condition.seed).standard_normal((*size, 3))
            yield np.clip(np.rint(mean + deviation * noise), 0, 255).astype(np.uint8)


def channel_moments(dataset: Dataset) -> Moments:
    """Return the mean and standard deviation of each channel over all pixels of a dataset, in 0..255."""
    levels = np.arange(256.0)
    counts = np.zeros((3, 256))
    for index in range(len(dataset)):
        image = dataset[index].image
        counts += [np.bincount(image[..., channel].ravel(), minlength=256) for channel in range(3)]
    share = counts / counts.sum(axis=1, keepdims=True)
    mean = share @ levels
    variance = share @ levels**2 - mean**2
    return mean, np.sqrt(np.maximum(variance, 0))
