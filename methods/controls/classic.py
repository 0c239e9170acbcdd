"""Conventional augmentation as a synthetic set, which generated images should beat."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from jaxtyping import UInt8
from pydantic import Field

from bench.contract import Condition, Dataset, RunContext
from bench.errors import DataError
from methods.controls.base import Control
from methods.controls.stain_jitter import jitter_stains
from methods.patches import PatchSettings, Tiles, crop_image, window_of


class ClassicConfig(PatchSettings):
    """Strength s of the stain jitter: scale in 1 ± s and shift in ± s, uniform for each stain and patch."""

    # HED-light of Tellez et al. 2019 (MedIA 58:101544), section 3.1; HED-strong is 0.2
    stain: float = Field(default=0.05, ge=0, lt=1)


class Classic(Control):
    """Training patches that are flipped, turned by right angles and stain-jittered.

    Only right angles are used, because other rotations would leave black corners with background labels.
    """

    Config: ClassVar[type[PatchSettings]] = ClassicConfig
    config: ClassicConfig

    def plan(self, data: Mapping[str, Dataset], n: int, rng: np.random.Generator) -> Iterator[Condition]:
        """Draw windows of the training tiles, and a transform for each; labels are turned with the image."""
        for number, (sample, crop) in enumerate(self.windows(data["train"], n, rng)):
            recipe = self._draw(rng)
            plain = self.condition("classic", number, sample, crop, recipe=recipe)
            turned = None if plain.instances is None else turn(plain.instances, recipe)
            yield dataclasses.replace(plain, instances=turned)

    def render(
        self,
        conditions: Sequence[Condition],
        data: Mapping[str, Dataset],
        fitted: Mapping[str, Path],
        run: RunContext,
    ) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
        """Cut out the windows and apply the transforms of their recipes.

        Raises:
            DataError: a condition has no transform.
        """
        tiles = Tiles(data["train"])
        for condition in conditions:
            source, y, x = window_of(condition)
            recipe = condition.recipe
            if "turns" not in recipe:
                raise DataError(
                    f"The recipe of condition {condition.id} has no transform", got=f"kind {condition.kind}"
                )
            image = turn(crop_image(tiles[source].image, y, x, self.config.patch_size), recipe)
            yield jitter_stains(image, np.array(recipe["stain_scale"]), np.array(recipe["stain_shift"]))

    def _draw(self, rng: np.random.Generator) -> dict[str, Any]:
        strength = self.config.stain
        return {
            "flip": bool(rng.integers(2)),
            "turns": int(rng.integers(4)),
            "stain_scale": rng.uniform(1 - strength, 1 + strength, 3).tolist(),
            "stain_shift": rng.uniform(-strength, strength, 3).tolist(),
        }


def turn(array: np.ndarray, recipe: Mapping[str, Any]) -> np.ndarray:
    """Flip an image or map left to right if the recipe says so, then turn it anticlockwise by quarters."""
    flipped = array[:, ::-1] if recipe["flip"] else array
    return np.ascontiguousarray(np.rot90(flipped, recipe["turns"]))
