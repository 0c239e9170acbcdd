"""Training crops: random windows of the training tiles in one of six orientations, with their conditions."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32, Float64, UInt8

from bench.contract import Dataset
from bench.errors import DataError
from methods.diffusion.schedule import draw_times
from methods.patches import labels_of, require_nuclei
from methods.sdm.condition import channels, condition_map

ORIENTATIONS = 6
"""The identity, three rotations and two flips: the augmentation ids 0 to 5 of the release."""


def orient(array: np.ndarray, orientation: int) -> np.ndarray:
    """Return an array whose first two axes are unchanged, rotated by 90, 180 or 270 degrees, or flipped.

    >>> orient(np.array([[1, 2], [3, 4]]), 1).tolist()
    [[2, 4], [1, 3]]
    """
    if orientation <= 3:
        return np.rot90(array, orientation)
    return array[:, ::-1] if orientation == 4 else array[::-1]


class TrainingCrops:
    """Random crops of every tile of a dataset, which is kept in memory (8 bytes per pixel).

    Windows reach the last row and column, which those of the release never do.

    Raises:
        DataError: the dataset has no nuclei, it is empty, or a tile is smaller than the patch.
    """

    def __init__(self, dataset: Dataset, patch_size: int) -> None:
        require_nuclei(dataset)
        self.classes, self._size = len(dataset.info.classes), patch_size
        self._tiles = [_tile(dataset, index, patch_size) for index in range(len(dataset))]
        if not self._tiles:
            raise DataError(f"The dataset {dataset.info.name} has no tiles to train on", got="an empty dataset")

    def draw(self, rng: np.random.Generator) -> tuple[UInt8[np.ndarray, "h w 3"], UInt8[np.ndarray, "c h w"]]:
        """Draw an image and its condition."""
        image, instances, types = self._tiles[rng.integers(len(self._tiles))]
        y, x = (int(rng.integers(side - self._size + 1)) for side in instances.shape)
        orientation = int(rng.integers(ORIENTATIONS))
        window = (slice(y, y + self._size), slice(x, x + self._size))
        condition = condition_map(orient(instances[window], orientation), types, self.classes)
        return orient(image[window], orientation), condition

    def mean_colour(self) -> Float32[np.ndarray, " 3"]:
        """Return the mean of the pixels of all tiles, in [-1, 1]."""
        totals = sum(image.reshape(-1, 3).sum(0, dtype=np.float64) for image, _, _ in self._tiles)
        pixels = sum(instances.size for _, instances, _ in self._tiles)
        return np.asarray(totals / pixels / 127.5 - 1, np.float32)

    def batch(
        self, size: int, dropout: float, weights: Float64[np.ndarray, " t"], rng: np.random.Generator
    ) -> dict[str, np.ndarray]:
        """Draw a batch: images and conditions as uint8 (n, c, h, w), and a step for each.

        With probability `dropout`, the whole condition of an image is zero.
        """
        drawn = [self.draw(rng) for _ in range(size)]
        conditions = np.stack([condition for _, condition in drawn])
        conditions[rng.random(size) < dropout] = 0
        images = np.stack([image.transpose(2, 0, 1) for image, _ in drawn])
        return {"image": images, "condition": conditions, "times": draw_times(weights, size, rng)}

    @property
    def condition_channels(self) -> int:
        """Number of channels of the conditions."""
        return channels(self.classes)


def _tile(dataset: Dataset, index: int, patch_size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    sample = dataset[index]
    instances, types = labels_of(sample)
    if min(instances.shape) < patch_size:
        raise DataError(
            f"The patches are larger than the tiles, which must have at least {patch_size} x {patch_size} pixels",
            got=f"{instances.shape[0]} x {instances.shape[1]} in {sample.id}",
            fix="use a smaller patch size: --set method.patch_size=...",
        )
    return sample.image, instances, types
