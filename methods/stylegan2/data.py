"""Labelled training images in memory, and their batches."""

from __future__ import annotations

import math

import numpy as np

from bench.contract import Dataset
from bench.errors import DataError
from methods.class_conditions import require_classes
from methods.stylegan2.config import TrainingSettings


class LabelledImages:
    """All images of a dataset, uint8 (n, 3, size, size), with their classes.

    Raises:
        DataError: the dataset has no classes, is empty, or an image has no class or not the size of the patch.
    """

    def __init__(self, dataset: Dataset, size: int, seed: int) -> None:
        require_classes(dataset)
        name = dataset.info.name
        if len(dataset) == 0:
            raise DataError(f"There are no images to train on in {name}", got="none")
        images, labels = [], []
        for index in range(len(dataset)):
            sample = dataset[index]
            if sample.label is None:
                raise DataError(f"Every image of {name} needs a class", got=f"no class for {sample.id}")
            if sample.image.shape != (size, size, 3):
                got = f"{sample.image.shape[0]} x {sample.image.shape[1]} in {sample.id}"
                raise DataError(f"The images in {name} must have {size} x {size} pixels", got=got)
            images.append(sample.image.transpose(2, 0, 1))
            labels.append(sample.label)
        self.images, self.labels = np.stack(images), np.array(labels, dtype=np.int64)
        self.classes = max(len(dataset.info.labels), int(self.labels.max()) + 1)
        self._seed = seed

    def steps(self, settings: TrainingSettings) -> int:
        """Return the number of steps of a training."""
        if settings.steps is not None:
            return settings.steps
        return max(1, math.ceil(settings.epochs * len(self.labels) / settings.batch_size))

    def batch(self, settings: TrainingSettings, step: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Return the real images of a step, and the classes of which to draw images.

        Every epoch has a new order. The classes have the frequencies of the training set, as real images have.
        """
        size = settings.batch_size
        chosen = self._places(step * size, size)
        images = self.images[chosen]
        if settings.symmetries != "none":
            mirrored = rng.random(size) < 0.5
            images[mirrored] = images[mirrored, :, :, ::-1]
        if settings.symmetries == "all":
            turns = rng.integers(4, size=size)
            images = np.stack([np.rot90(image, turn, (1, 2)) for image, turn in zip(images, turns, strict=True)])
        drawn = {f"label_{name}": rng.choice(self.labels, size) for name in ("generator", "path", "discriminator")}
        return {"image": images, "label": self.labels[chosen], **drawn}

    def _places(self, first: int, count: int) -> np.ndarray:
        n = len(self.labels)
        epochs = range(first // n, (first + count - 1) // n + 1)
        orders = [np.random.default_rng((self._seed, epoch)).permutation(n) for epoch in epochs]
        offset = first - epochs[0] * n
        return np.concatenate(orders)[offset : offset + count]
