"""GradMix as a method: whole training tiles are mixed, and patches are cut from them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from jaxtyping import UInt8

from bench.contract import Condition, Dataset, RunContext, Sample
from bench.errors import DataError
from methods.gradmix.config import GradMixConfig, GradMixMethodConfig
from methods.patches import Crop, Tiles, crop_image, crop_labels, grid_crops, require_nuclei, window_of
from methods.untrained import Untrained

if TYPE_CHECKING:
    from methods.gradmix.mixing import MixedTile

# the largest seed that JSON readers represent exactly, whatever number type they use
SEED_LIMIT = 2**53


class GradMix(Untrained):
    """Rare nuclei are blended into the places of larger, common nuclei (Doan et al., MICCAI 2022).

    Nothing is trained. A tile is mixed from its own seed, which every patch of the tile records: `plan` mixes only
    label maps, and `render` mixes the same tile again with its pixels.
    """

    Config: ClassVar[type[GradMixMethodConfig]] = GradMixMethodConfig
    config: GradMixMethodConfig
    reads_classes = True
    reads_rare = True

    def plan(self, data: Mapping[str, Dataset], n: int, rng: np.random.Generator) -> Iterator[Condition]:
        """Mix the tiles that patches are drawn from; recipes record a tile's class counts before and after."""
        train = data["train"]
        mixer = TileMixer(train, self.config.mixing)
        crops = grid_crops(train, self.config.patch_size, n, rng, count=self.config.grid)
        seeds = rng.integers(SEED_LIMIT, size=len(train)).tolist()
        tile: tuple[Sample, MixedTile] | None = None
        for number, crop in enumerate(crops):
            if number == 0 or crop.tile != crops[number - 1].tile:
                tile = train[crop.tile], mixer.mix(crop.tile, seeds[crop.tile], blend=False)
            assert tile is not None
            yield self._condition(f"gradmix-{number:05d}", crop, *tile, seeds[crop.tile], train.info.classes)

    def render(
        self,
        conditions: Sequence[Condition],
        data: Mapping[str, Dataset],
        fitted: Mapping[str, Path],
        run: RunContext,
    ) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
        """Mix each source again from the seed in the recipe of its patches, and cut out the patches.

        Raises:
            DataError: a condition does not come from `plan`.
        """
        train = data["train"]
        mixer, tiles = TileMixer(train, self.config.mixing), Tiles(train)
        last: tuple[str, int] | None = None
        image: np.ndarray | None = None
        for condition in conditions:
            source, y, x = window_of(condition)
            if "tile_seed" not in condition.recipe:
                raise DataError(f"Condition {condition.id} does not name a mixed tile", got=f"kind {condition.kind}")
            wanted = (source, int(condition.recipe["tile_seed"]))
            if wanted != last:
                image, last = mixer.mix(tiles.place(source), wanted[1]).image, wanted
            assert image is not None
            yield crop_image(image, y, x, self.config.patch_size)

    def _condition(
        self, name: str, crop: Crop, source: Sample, mixed: MixedTile, seed: int, classes: Sequence[str]
    ) -> Condition:
        size, least = self.config.patch_size, self.config.min_area(source.mpp)
        instances, types = crop_labels(mixed.instances, mixed.types, crop.y, crop.x, size, min_area=least)
        return Condition(
            id=name,
            instances=instances,
            types=types,
            label=source.label,
            caption=source.caption,
            tissue=source.tissue,
            sources={"train": source.id},
            crop=(crop.y, crop.x),
            kind="gradmix",
            recipe=_recipe(source, mixed, crop, size, seed, classes),
            seed=seed,
        )


class TileMixer:
    """Mixes tiles of a training set, each from a seed; donors are measured once for all tiles."""

    def __init__(self, dataset: Dataset, config: GradMixConfig) -> None:
        """Store the tiles of `dataset`.

        Raises:
            DataError: the dataset has no nuclei, or it does not name its rare classes.
        """
        from methods.gradmix.donors import DonorPool

        require_nuclei(dataset)
        if not dataset.info.rare:
            raise DataError(
                f"The dataset {dataset.info.name} does not name its rare classes",
                got="no rare classes",
                fix="set `rare` in the card of the dataset",
            )
        self._dataset, self._config, self._pool = dataset, config, DonorPool(dataset, config)

    def mix(self, index: int, seed: int, *, blend: bool = True) -> MixedTile:
        """Mix tile `index`; a pure function of the dataset, the settings and the seed.

        With `blend` off, the labels are the same and there is no image.
        """
        from methods.gradmix.mixing import mix_tile

        rng = np.random.default_rng(seed)
        others = self._pool.others(index, rng)
        config = self._config.model_copy(update={"blend": blend})
        return mix_tile(self._dataset[index], others, config, rng, rare=self._dataset.info.rare)


def _recipe(
    source: Sample, mixed: MixedTile, crop: Crop, size: int, seed: int, classes: Sequence[str]
) -> dict[str, Any]:
    """Return how the tile was mixed, and which of its replacements have their centre in the patch."""
    from methods.gradmix.measure import class_counts

    here = [
        swap
        for swap in mixed.swapped
        if crop.y <= swap["at"][0] < crop.y + size and crop.x <= swap["at"][1] < crop.x + size
    ]
    assert source.types is not None
    return {
        "tile_seed": seed,
        "swapped": len(mixed.swapped),
        "skipped": mixed.skipped,
        "before": class_counts(source.types, classes),
        "after": class_counts(mixed.types, classes),
        "swaps": [{"nucleus": s["nucleus"], "donor": [s["donor"], s["donor_nucleus"]]} for s in here],
    }
