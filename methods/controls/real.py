"""Real patches in the place of synthetic ones: of training tiles (`copy`) or of fresh ones (`more-real`)."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from bench.contract import Condition, Dataset, RunContext
from bench.errors import DataError
from methods.controls.base import Control
from methods.patches import Tiles, crop_image, window_of


class Copy(Control):
    """Training patches unchanged: best on fidelity, yet nothing new to learn from."""

    def plan(self, data: Mapping[str, Dataset], n: int, rng: np.random.Generator) -> Iterator[Condition]:
        """Draw windows of the training tiles."""
        for number, (sample, crop) in enumerate(self.windows(data["train"], n, rng)):
            yield self.condition("copy", number, sample, crop)

    def render(
        self,
        conditions: Sequence[Condition],
        data: Mapping[str, Dataset],
        fitted: Mapping[str, Path],
        run: RunContext,
    ) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
        """Cut the windows out of their tiles."""
        tiles = Tiles(data["train"])
        for condition in conditions:
            source, y, x = window_of(condition)
            yield crop_image(tiles[source].image, y, x, self.config.patch_size)


class MoreReal(Control):
    """Real patches that no arm has seen, from tiles under the role `fresh`: the ceiling for any method.

    Their tiles are no training samples, so `sources` and `crop` stay empty; the recipe names them.
    """

    roles = frozenset({"train", "fresh"})

    def plan(self, data: Mapping[str, Dataset], n: int, rng: np.random.Generator) -> Iterator[Condition]:
        """Draw windows of the fresh tiles.

        Raises:
            DataError: a fresh tile is a training tile too.
        """
        shared = sorted(set(data["fresh"].ids) & set(data["train"].ids))
        if shared:
            raise DataError("expected fresh tiles that are no training tiles", got=", ".join(shared[:3]))
        for number, (sample, crop) in enumerate(self.windows(data["fresh"], n, rng)):
            recipe = {"fresh": sample.id, "crop": [crop.y, crop.x]}
            own = self.condition("fresh", number, sample, crop, recipe=recipe)
            yield dataclasses.replace(own, sources={}, crop=None)

    def render(
        self,
        conditions: Sequence[Condition],
        data: Mapping[str, Dataset],
        fitted: Mapping[str, Path],
        run: RunContext,
    ) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
        """Cut the windows out of the fresh tiles.

        Raises:
            DataError: a condition is not one of a fresh tile.
        """
        tiles = Tiles(data["fresh"])
        for condition in conditions:
            if "fresh" not in condition.recipe:
                raise DataError(f"expected a fresh tile behind {condition.id}", got=f"kind {condition.kind}")
            y, x = condition.recipe["crop"]
            yield crop_image(tiles[condition.recipe["fresh"]].image, y, x, self.config.patch_size)
