"""SDM as a method: copies of real label maps, drawn from pure noise."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from jaxtyping import UInt8

from bench.contract import Condition, Dataset, MethodBase, Part, RunContext, Sample, Weights
from bench.errors import DataError
from methods.patches import Crop, Tiles, crop_labels, grid_crops, labels_of, require_nuclei
from methods.sdm.config import ReleasedSDMPart, SDMConfig, SDMPart

PART = "sdm"
# the largest seed that JSON readers represent exactly, whatever number type they use
SEED_LIMIT = 2**53


class SDM(MethodBase):
    """Semantic diffusion model (Wang et al. 2022): images with the nuclei of a label map."""

    Config: ClassVar[type[SDMConfig]] = SDMConfig
    conditions = frozenset({"mask"})
    draws_any_mask = True
    reads_classes = True
    config: SDMConfig

    def __init__(self, config: SDMConfig) -> None:
        """Store the settings."""
        self.config = config
        self.ratio = config.ratio
        self.chunk = max(self.chunk, config.sampler.batch_size)

    def parts(self) -> Sequence[Part]:
        """Return the single network, which is the same for SDM and every DiffMix with these settings."""
        part = self.config.part
        if isinstance(part, SDMPart):
            return (Part(PART, frozenset({"train"}), (), part, batch=part.training.batch_size),)
        return (Part(PART, frozenset(), (), part),)

    def weights(self) -> Sequence[Weights]:
        """List the released checkpoint, if one is given."""
        given = self.config
        if given.released is None or given.released_sha256 is None:
            return ()
        name, setting = "the released checkpoint of SDM", "method.released"
        digest = (given.released_sha256,)
        return (Weights(name, setting, "who released it", "any", sha256=digest, path=given.released),)

    def check(self) -> None:
        """Read the released checkpoint, if one is given.

        Raises:
            DataError: the file does not fit the settings.
        """
        part = self.config.part
        if isinstance(part, ReleasedSDMPart):
            from methods.sdm.released import read_sdm

            read_sdm(part, self.config.file)

    def check_classes(self, nuclei: Sequence[str], labels: Sequence[str]) -> None:
        """Compare number and order of a released checkpoint's classes with the dataset's."""
        if self.config.released is None:
            return
        from methods.released_classes import compare_classes
        from methods.sdm.released import classes_of

        file = self.config.file
        compare_classes(f"The SDM in {file}", classes_of(file), self.config.released_classes, nuclei)

    def fit(
        self, part: Part, data: Mapping[str, Dataset], fitted: Mapping[str, Path], out: Path, run: RunContext
    ) -> None:
        """Train the network, or read it from its released checkpoint."""
        if part.name != PART:
            raise DataError(f"SDM has only the part {PART!r}", got=part.name)
        given = self.config.part
        if isinstance(given, ReleasedSDMPart):
            from methods.sdm.released import keep_sdm

            keep_sdm(given, self.config.file, out)
            return
        from methods.sdm.training import train_sdm

        train_sdm(given, data["train"], out, run)

    def plan(self, data: Mapping[str, Dataset], n: int, rng: np.random.Generator) -> Iterator[Condition]:
        """Copy label maps of grid windows, spread evenly over the tiles."""
        train = data["train"]
        require_nuclei(train)
        self.check_classes(train.info.classes, train.info.labels)
        tiles = Tiles(train)
        crops = grid_crops(train, self.config.patch_size, n, rng, count=self.config.grid)
        for number, crop in enumerate(crops):
            sample = tiles[train.ids[crop.tile]]
            seed = int(rng.integers(SEED_LIMIT))
            yield self.condition(number, sample, crop, "copy", labels_of(sample), self.recipe(), seed)

    def render(
        self,
        conditions: Sequence[Condition],
        data: Mapping[str, Dataset],
        fitted: Mapping[str, Path],
        run: RunContext,
    ) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
        """Draw the label maps from pure noise."""
        from methods.sdm.render import draw_images

        yield from draw_images(conditions, fitted[PART], self.config.sampler, self.config.guidance_scale, run)

    def recipe(self) -> dict[str, Any]:
        """Return how images are sampled, for the metadata of the set."""
        sampler = self.config.sampler
        return {
            "sampler": sampler.kind,
            "steps": sampler.steps,
            "guidance_scale": self.config.guidance_scale,
            "start": "noise",
            "start_steps": sampler.steps,
        }

    def condition(
        self,
        number: int,
        sample: Sample,
        crop: Crop,
        kind: str,
        labels: tuple[np.ndarray, np.ndarray],
        recipe: dict[str, Any],
        seed: int,
    ) -> Condition:
        """Return the condition for a window of a tile's labels, which may be real or changed."""
        size, least = self.config.patch_size, self.config.min_area(sample.mpp)
        instances, types = crop_labels(*labels, crop.y, crop.x, size, min_area=least)
        return Condition(
            id=f"{file_safe(sample.id)}_{number:04d}",
            instances=instances,
            types=types,
            label=sample.label,
            caption=sample.caption,
            tissue=sample.tissue,
            sources={"train": sample.id},
            crop=(crop.y, crop.x),
            kind=kind,
            recipe=recipe,
            seed=seed,
        )


def file_safe(name: str) -> str:
    """Return a name in which everything except letters, digits, dots, minus and underscores is replaced by minus.

    >>> file_safe("slide 3/tile_1")
    'slide-3-tile_1'
    """
    return re.sub(r"[^A-Za-z0-9._-]", "-", name)
