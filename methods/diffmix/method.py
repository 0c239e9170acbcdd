"""DiffMix: SDM with two other plans, starting from the noised real patch that the labels come from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
from jaxtyping import UInt8

from bench.contract import Condition, Dataset, RunContext, Sample
from bench.errors import DataError
from methods.diffmix.config import DiffMixBConfig, DiffMixConfig, DiffMixEConfig
from methods.diffusion.respacing import start_count
from methods.gradmix import TileMixer
from methods.maps import EnlargedMap, enlarge
from methods.patches import Crop, Tiles, crop_image, grid_crops, labels_of
from methods.sdm.method import PART, SDM, SEED_LIMIT

BALANCING, ENLARGING = "balancing", "enlarging"


class Start(NamedTuple):
    """The training patch whose noised version sampling starts from: the condition's own `source`, or a random one."""

    kind: str  # "source" or "train-random"
    sample: str
    y: int
    x: int


class DiffMix(SDM):
    """Balancing and enlarging label maps, drawn by SDM from noised real patches (Oh and Jeong, MICCAI 2023).

    The labels are used as the dataset gives them, whether already merged or not; nothing is merged here.
    """

    Config: ClassVar[type[DiffMixConfig]] = DiffMixConfig
    config: DiffMixConfig

    def __init__(self, config: DiffMixConfig) -> None:
        """Store the settings; balancing maps exchange common nuclei for rare ones."""
        super().__init__(config)
        self.reads_rare = config.balancing > 0

    @property
    def start_steps(self) -> int:
        """Network evaluations per image: 55 as published, not counting guidance."""
        return start_count(self.config.sampler.steps, self.config.start_percent)

    def plan(self, data: Mapping[str, Dataset], n: int, rng: np.random.Generator) -> Iterator[Condition]:
        """Change the label maps of whole tiles and cut windows out of them, tile by tile."""
        train = data["train"]
        self.check_classes(train.info.classes, train.info.labels)
        patches = self._patches(train, n, rng)
        seeds = rng.integers(SEED_LIMIT, size=(len(train), 2)).tolist()
        makers: dict[str, Callable[[int, Sample, int], _Labels]] = {ENLARGING: self._enlarged}
        if any(kind == BALANCING for _, kind in patches):
            makers[BALANCING] = self._balanced(train)
        key, sample, labels = None, None, None
        for number, (crop, kind) in enumerate(patches):
            if key != (crop.tile, kind):
                key, sample = (crop.tile, kind), train[crop.tile]
                labels = makers[kind](crop.tile, sample, seeds[crop.tile][kind == ENLARGING])
            assert sample is not None
            assert labels is not None
            recipe = self.recipe() | labels.recipe(crop, self.config.patch_size)
            seed = int(rng.integers(SEED_LIMIT))
            yield self.condition(number, sample, crop, kind, (labels.instances, labels.types), recipe, seed)

    def render(
        self,
        conditions: Sequence[Condition],
        data: Mapping[str, Dataset],
        fitted: Mapping[str, Path],
        run: RunContext,
    ) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
        """Noise the patch of the source that each condition has, and draw the label map from there."""
        from methods.sdm.render import draw_images

        tiles = Tiles(data["train"])

        def start(condition: Condition) -> UInt8[np.ndarray, "h w 3"]:
            place = self.start_of(condition, data["train"])
            return crop_image(tiles[place.sample].image, place.y, place.x, self.config.patch_size)

        sampler, scale = self.config.sampler, self.config.guidance_scale
        yield from draw_images(conditions, fitted[PART], sampler, scale, run, start=start, count=self.start_steps)

    def start_of(self, condition: Condition, train: Dataset) -> Start:
        """Return the training patch that a condition starts from.

        A condition without a source, for example one of a test label map, starts from a window that its seed draws
        from the training tiles. Starting from the test image itself would make every score too good.

        Raises:
            DataError: the source is not a training tile, or it has no window.
        """
        source = condition.sources.get("train")
        if source is not None:
            if condition.crop is None or source not in train.ids:
                raise DataError(f"Condition {condition.id} has a source but no window of a training tile", got=source)
            return Start("source", source, *condition.crop)
        rng = np.random.default_rng(condition.seed)
        size = self.config.patch_size
        tile = train.records[int(rng.integers(len(train)))]
        y, x = int(rng.integers(tile.height - size + 1)), int(rng.integers(tile.width - size + 1))
        return Start("train-random", tile.id, y, x)

    def recipe(self) -> dict[str, Any]:
        """Return how images are sampled, for the metadata of the set."""
        return super().recipe() | {"start": "source", "start_steps": self.start_steps}

    def _patches(self, train: Dataset, n: int, rng: np.random.Generator) -> list[tuple[Crop, str]]:
        """Draw the windows of both kinds, each spread evenly over the tiles, in order of tile."""
        size, grid = self.config.patch_size, self.config.grid
        balancing = round(self.config.balancing * n)
        drawn = [(crop, BALANCING) for crop in grid_crops(train, size, balancing, rng, count=grid)]
        drawn += [(crop, ENLARGING) for crop in grid_crops(train, size, n - balancing, rng, count=grid)]
        return sorted(drawn, key=lambda patch: (patch[0].tile, patch[1]))

    def _balanced(self, train: Dataset) -> Callable[[int, Sample, int], _Labels]:
        mixer = TileMixer(train, self.config.mixing)

        def make(index: int, sample: Sample, seed: int) -> _Labels:
            mixed = mixer.mix(index, seed, blend=False)
            changes = [
                ("swaps", swap["at"], [swap["nucleus"], swap["donor"], swap["donor_nucleus"]]) for swap in mixed.swapped
            ]
            return _Labels(mixed.instances, mixed.types, seed, changes)

        return make

    def _enlarged(self, index: int, sample: Sample, seed: int) -> _Labels:
        rng = np.random.default_rng(seed)
        moved = enlarge(
            *labels_of(sample), self.config.enlarging, sample.mpp, rng, min_area=self.config.min_area(sample.mpp)
        )
        return _Labels(moved.instances, moved.types, seed, _shift_records(moved))


class DiffMixB(DiffMix):
    """DiffMix with only balancing maps."""

    Config: ClassVar[type[DiffMixConfig]] = DiffMixBConfig


class DiffMixE(DiffMix):
    """DiffMix with only enlarging maps."""

    Config: ClassVar[type[DiffMixConfig]] = DiffMixEConfig


class _Labels(NamedTuple):
    """The changed labels of a tile; each change has a name, the (row, column) of its centre, and a description."""

    instances: np.ndarray
    types: np.ndarray
    seed: int
    changes: list[tuple[str, Sequence[float], list[Any]]]

    def recipe(self, crop: Crop, size: int) -> dict[str, Any]:
        """Return the tile's seed and the changes whose centre is in a window."""
        found: dict[str, Any] = {"tile_seed": self.seed}
        for name, (y, x), change in self.changes:
            if crop.y <= y < crop.y + size and crop.x <= x < crop.x + size:
                found.setdefault(name, []).append(change)
        return found


def _shift_records(moved: EnlargedMap) -> list[tuple[str, Sequence[float], list[Any]]]:
    """Return the nuclei that moved: the previous id, and the shift in rows and columns."""
    from scipy import ndimage

    shifted = np.flatnonzero(np.any(moved.shifts != 0, axis=1))
    if not len(shifted):
        return []
    centres = ndimage.center_of_mass(moved.instances > 0, moved.instances, shifted + 1)
    return [
        ("shifts", centre, [int(moved.origin[i]), *moved.shifts[i].tolist()])
        for i, centre in zip(shifted, centres, strict=True)
    ]
