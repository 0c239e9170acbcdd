"""Training windows of images and tiles of any size, from one dataset or several."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Int32, UInt8

from bench.contract import Dataset, Sample
from bench.errors import DataError
from methods.latent.config import BatchSettings
from methods.sdm.crops import ORIENTATIONS, orient

# Datasets of at most this many bytes of pixels are kept in memory.
KEPT = 2**31


class Window(NamedTuple):
    """A window of an image, turned, with the labels of its nuclei if the image has them, and the image's caption."""

    image: UInt8[np.ndarray, "s s 3"]
    instances: Int32[np.ndarray, "s s"] | None
    types: UInt8[np.ndarray, " n"] | None
    caption: str


class Windows:
    """Windows of `size` pixels of the images of datasets: every epoch has as many as fit side by side.

    An epoch visits each place of a grid once, in a new order; the window is then drawn at random in the same image. An
    image of exactly the size is its own window. Captions without an image are left out, and a sample that is in several
    of the datasets counts once.

    Raises:
        DataError: there is no image, or an image is smaller than the window.
    """

    def __init__(
        self, datasets: Sequence[Dataset], size: int, seed: int, leave_out: frozenset[str] = frozenset()
    ) -> None:
        self.size, self._seed = size, seed
        self._places: list[tuple[Dataset, int, int, int]] = []
        pixels, seen = 0, set[tuple[str, str]]()
        for dataset in datasets:
            for index, record in enumerate(dataset.records):
                if record.height == 0 or record.id in leave_out or (dataset.info.name, record.id) in seen:
                    continue
                seen.add((dataset.info.name, record.id))
                if min(record.height, record.width) < size:
                    raise DataError(
                        f"Images to train on must have at least {size} x {size} pixels",
                        got=f"{record.height} x {record.width} in {record.id}",
                        fix="use a smaller patch size: --set method.patch_size=...",
                    )
                pixels += record.height * record.width
                rows, columns = range(record.height // size), range(record.width // size)
                self._places += [(dataset, index, row * size, column * size) for row in rows for column in columns]
        if not self._places:
            names = ", ".join(dataset.info.name for dataset in datasets)
            raise DataError(f"There are no images to train on in {names or 'the data'}", got="none")
        self._kept: dict[tuple[int, int], Sample] | None = {} if 8 * pixels <= KEPT else None

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, index: int) -> tuple[UInt8[np.ndarray, "s s 3"], int]:
        """Return the image of a place of the grid, and -1, as there is no class."""
        _, _, y, x = self._places[index]
        return self._sample(index).image[y : y + self.size, x : x + self.size], -1

    def steps(self, settings: BatchSettings, batches: int = 1) -> int:
        """Return the number of steps of a training with `batches` batches per step."""
        return settings.steps or max(1, math.ceil(settings.epochs * len(self) / (settings.batch_size * batches)))

    def order(self, step: int, size: int, length: int | None = None) -> list[int]:
        """Return the positions of the windows of a step; with `length`, an epoch has that many, which repeat."""
        n = len(self) if length is None else length
        first = step * size
        epochs = range(first // n, (first + size - 1) // n + 1)
        orders = [np.random.default_rng((self._seed, epoch)).permutation(n) for epoch in epochs]
        chosen = np.concatenate(orders)[first - epochs[0] * n :][:size]
        return [int(place) % len(self) for place in chosen]

    def draw(self, index: int, turned: bool, rng: np.random.Generator) -> Window:
        """Draw a window of the image of a place, `turned` at random."""
        sample, size = self._sample(index), self.size
        y, x = (int(rng.integers(side - size + 1)) for side in sample.image.shape[:2])
        turn = int(rng.integers(ORIENTATIONS)) if turned else 0
        cut = (slice(y, y + size), slice(x, x + size))
        instances = None if sample.instances is None else orient(sample.instances[cut], turn)
        return Window(orient(sample.image[cut], turn), instances, sample.types, sample.caption or "")

    def batch(self, step: int, size: int, turned: bool, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Return the images of a step, uint8 (n, 3, h, w)."""
        drawn = [self.draw(index, turned, rng).image for index in self.order(step, size)]
        return {"image": np.stack([image.transpose(2, 0, 1) for image in drawn])}

    def captions(self) -> list[str]:
        """Return the captions of all images, each once, in alphabetical order."""
        return sorted({dataset.records[index].caption or "" for dataset, index, _, _ in self._places})

    def _sample(self, index: int) -> Sample:
        dataset, number, _, _ = self._places[index]
        if self._kept is None:
            return dataset[number]
        key = (id(dataset), number)
        if key not in self._kept:
            self._kept[key] = dataset[number]
        return self._kept[key]
