"""The base of the controls: nothing is trained, and labels come from windows of real tiles."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from bench.contract import Condition, Dataset, Sample
from methods.patches import Crop, Tiles, crop_labels, grid_crops
from methods.untrained import Untrained


class Control(Untrained):
    """Base of the controls: no parts, patches from the crop grid; each keeps the labels of its window."""

    conditions = frozenset({"mask", "class", "text"})

    def windows(self, dataset: Dataset, n: int, rng: np.random.Generator) -> Iterator[tuple[Sample, Crop]]:
        """Draw `n` windows of the grid, tile by tile; images that are fitted into the patch are a single window each.

        Raises:
            DataError: the dataset has no tiles, or a tile is smaller than the patch.
        """
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
            instances, types = crop_labels(sample.instances, sample.types, crop.y, crop.x, size, min_area=least)
        return Condition(
            id=f"{kind}-{number:05d}",
            instances=instances,
            types=types,
            label=sample.label,
            caption=sample.caption,
            tissue=sample.tissue,
            sources={"train": sample.id},
            crop=(crop.y, crop.x),
            kind=kind,
            recipe=recipe or {},
            seed=seed,
        )
