"""Real patches instead of synthetic ones: from training tiles (`copy`) or from new tiles (`more-real`)."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from jaxtyping import UInt8

from bench.contract import Condition, Dataset, RunContext
from bench.errors import DataError
from methods.controls.base import Control
from methods.patches import Tiles, crop_image, window_of


class Copy(Control):
    """Unchanged training patches: best in fidelity, but with nothing new to learn from."""

    kind: ClassVar[str] = "copy"

    def recipe(self) -> dict[str, Any]:
        """Return what is done to each patch."""
        return {}

    def shown(self, patch: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "h w 3"]:
        """Return what a set shows of a patch: itself."""
        return patch

    def plan(self, data: Mapping[str, Dataset], n: int, rng: np.random.Generator) -> Iterator[Condition]:
        """Draw windows of the training tiles."""
        for number, (sample, crop) in enumerate(self.windows(data["train"], n, rng)):
            yield self.condition(self.kind, number, sample, crop, recipe=self.recipe())

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
            yield self.shown(crop_image(tiles[source].image, y, x, self.config.patch_size))


class MoreReal(Control):
    """Real patches that no arm has seen, from tiles in the role `fresh`: the ceiling for any method.

    Their tiles are not training samples, so `sources` and `crop` are empty; the recipe names the tiles.
    """

    roles = frozenset({"train", "fresh"})

    def plan(self, data: Mapping[str, Dataset], n: int, rng: np.random.Generator) -> Iterator[Condition]:
        """Draw windows of the fresh tiles.

        Raises:
            DataError: a fresh tile is also a training tile.
        """
        shared = sorted(set(data["fresh"].ids) & set(data["train"].ids))
        if shared:
            raise DataError("Some fresh tiles are also training tiles", got=", ".join(shared[:3]))
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
            DataError: a condition does not describe a fresh tile.
        """
        tiles = Tiles(data["fresh"])
        for condition in conditions:
            if "fresh" not in condition.recipe:
                raise DataError(f"Condition {condition.id} does not name a fresh tile", got=f"kind {condition.kind}")
            y, x = condition.recipe["crop"]
            yield crop_image(tiles[condition.recipe["fresh"]].image, y, x, self.config.patch_size)
