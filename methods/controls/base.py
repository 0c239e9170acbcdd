"""The base of the controls: nothing is trained, and labels come from windows of real tiles."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np

from bench.contract import Condition, Dataset, Sample
from methods.crops import Crop, crop_labels, grid_crops, labels_of, require_nuclei
from methods.tiles import Tiles
from methods.untrained import Untrained


class Control(Untrained):
    """Base of the controls: no parts, patches from the crop grid; nuclei keep their labels, images their class."""

    conditions: ClassVar[frozenset[str]] = frozenset({"mask", "class"})

    def windows(self, dataset: Dataset, n: int, rng: np.random.Generator) -> Iterator[tuple[Sample, Crop]]:
        """Draw `n` windows of the grid, tile by tile; an image with a class of its own is a single window.

        Raises:
            DataError: the dataset has neither nuclei nor classes, or a tile is smaller than the patch.
        """
        if dataset.info.task != "tissue":
            require_nuclei(dataset)
        tiles = Tiles(dataset)
        for crop in grid_crops(dataset, self.config.patch_size, n, rng, count=self.config.grid):
            yield tiles[dataset.ids[crop.tile]], crop

    def condition(
        self,
        kind: str,
        number: int,
        sample: Sample,
        crop: Crop,
        *,
        recipe: dict[str, Any] | None = None,
        seed: int = 0,
    ) -> Condition:
        """Return the condition that describes a window of a training tile by its own labels."""
        size, least = self.config.patch_size, self.config.min_area(sample.mpp)
        instances, types = None, None
        if sample.instances is not None:
            instances, types = crop_labels(*labels_of(sample), crop.y, crop.x, size, min_area=least)
        return Condition(
            id=f"{kind}-{number:05d}",
            instances=instances,
            types=types,
            label=sample.label,
            caption=sample.caption,
            source=sample.id,
            crop=(crop.y, crop.x),
            kind=kind,
            recipe=recipe or {},
            seed=seed,
        )
