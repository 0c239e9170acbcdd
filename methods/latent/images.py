"""Training images, with or without classes, and their batches."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Int64, UInt8

from bench.contract import Dataset
from bench.errors import DataError
from methods.latent.config import BatchSettings
from methods.sdm.crops import ORIENTATIONS, orient

# Datasets of at most this many bytes of pixels are kept in memory.
KEPT = 2**31


class Images:
    """The images of a dataset, all of one size; a small dataset is kept in memory, a large one read when needed.

    Raises:
        DataError: the dataset is empty, an image does not have the size of the patch, or a required class is missing.
    """

    def __init__(self, dataset: Dataset, size: int, seed: int, *, labelled: bool = False) -> None:
        self._name = f"{dataset.info.name}, {dataset.info.split}"
        if len(dataset) == 0:
            raise DataError(f"There are no images to train on in {self._name}", got="none")
        self._dataset, self.size, self._seed, self._labelled = dataset, size, seed, labelled
        self.classes = len(dataset.info.labels)
        if labelled and not self.classes:
            raise DataError(
                f"The dataset {self._name} has no image-level classes",
                got=f"a dataset for the task {dataset.info.task}",
            )
        few = len(dataset) * size * size * 3 <= KEPT
        self._kept = [self._read(index) for index in range(len(dataset))] if few else None

    def __len__(self) -> int:
        return len(self._dataset)

    def __getitem__(self, index: int) -> tuple[UInt8[np.ndarray, "h w 3"], int]:
        """Return an image and its class, which is -1 if classes are not used."""
        return self._read(index) if self._kept is None else self._kept[index]

    def steps(self, settings: BatchSettings, batches: int = 1) -> int:
        """Return the number of steps of a training with `batches` batches per step."""
        if settings.steps is not None:
            return settings.steps
        return max(1, math.ceil(settings.epochs * len(self) / (settings.batch_size * batches)))

    def places(self, step: int, size: int) -> Int64[np.ndarray, " n"]:
        """Return the positions of the images of a step of `size` images; every epoch has a new order."""
        first, n = step * size, len(self)
        epochs = range(first // n, (first + size - 1) // n + 1)
        orders = [np.random.default_rng((self._seed, epoch)).permutation(n) for epoch in epochs]
        return np.concatenate(orders)[first - epochs[0] * n :][:size]

    def batch(self, step: int, size: int, turned: bool, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Return the images of a step, uint8 (n, 3, h, w), `turned` by `rng`, and their classes."""
        chosen = [self[int(index)] for index in self.places(step, size)]
        images = [orient(image, int(rng.integers(ORIENTATIONS))) if turned else image for image, _ in chosen]
        return {
            "image": np.stack([image.transpose(2, 0, 1) for image in images]),
            "label": np.array([label for _, label in chosen], np.int64),
        }

    def _read(self, index: int) -> tuple[UInt8[np.ndarray, "h w 3"], int]:
        sample, size = self._dataset[index], self.size
        if sample.image.shape != (size, size, 3):
            got = f"{sample.image.shape[0]} x {sample.image.shape[1]} in {sample.id}"
            raise DataError(f"The images in {self._name} must have {size} x {size} pixels", got=got)
        if not self._labelled:
            return sample.image, -1
        if sample.label is None or not 0 <= sample.label < self.classes:
            raise DataError(
                f"Every image of {self._name} needs a class below {self.classes}",
                got=f"{sample.label} for {sample.id}",
            )
        return sample.image, sample.label
