"""The method: conditions of the dataset, drawn by somebody's pipeline."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from jaxtyping import UInt8

from bench.contract import Condition, Dataset, MethodBase, Part, RunContext, Weights
from bench.errors import ConfigError, DataError
from methods.diffusers_folder.chain import needed_files
from methods.diffusers_folder.config import DiffusersFolderConfig
from methods.diffusers_folder.geometry import shown_pixels
from methods.diffusers_folder.masks import check_mapping
from methods.diffusers_folder.plans import plan_conditions
from methods.diffusers_folder.sources import location_key, own_size

PART = "pipeline"


class DiffusersFolder(MethodBase):
    """Images of a published diffusers pipeline; docs/diffusers.md describes the settings."""

    Config: ClassVar[type[DiffusersFolderConfig]] = DiffusersFolderConfig
    conditions = frozenset({"mask", "text", "class"})  # an instance has those of its settings
    config: DiffusersFolderConfig

    def __init__(self, config: DiffusersFolderConfig) -> None:
        """Store the settings."""
        self.config = config
        self.ratio = config.ratio
        self.chunk = config.chunk
        self.conditions = frozenset(config.conditions)
        self.draws_any_mask = self.reads_classes = "mask" in config.conditions
        self.draws_any_caption = "text" in config.conditions
        if "text" in config.conditions:
            self.roles = frozenset({"train", config.captions})

    def weights(self) -> Sequence[Weights]:
        """List everything that the pipeline needs on this machine: its repositories and modules."""
        return needed_files(self.config)

    def check(self) -> None:
        """Check that the pipeline's own code may run, if it has any.

        Raises:
            ConfigError: it may not.
        """
        if self.config.code is not None and not self.config.trust_remote_code:
            raise ConfigError(
                f"The pipeline {self.config.pipeline} runs Python code of {self.config.code}, which must be allowed",
                got="trust_remote_code=false",
                fix="read the code first; then --set method.trust_remote_code=true, with all commits pinned",
            )

    def parts(self) -> Sequence[Part]:
        """Return the pipeline, which is not trained but checked before it draws."""
        return (Part(PART, frozenset({"train"}), (), self.config),)

    def fit(
        self, part: Part, data: Mapping[str, Dataset], fitted: Mapping[str, Path], out: Path, run: RunContext
    ) -> None:
        """Load the pipeline, check the settings against it and record what it is."""
        if part.name != PART:
            raise DataError(f"The method has only the part {PART!r}", got=part.name)
        from methods.diffusers_folder.drawing import check_pipeline

        train = data["train"]
        self.check_classes(train.info.classes, train.info.labels)
        kind = check_pipeline(self.config, train.info, self._image_size(), self._shown_pixels(train), run)
        (out / "pipeline.json").write_text(json.dumps({"class": kind, **self._recipe(train)}, indent=2) + "\n")

    def plan(self, data: Mapping[str, Dataset], n: int, rng: np.random.Generator) -> Iterator[Condition]:
        """Plan masks, captions or classes of the dataset, according to the settings."""
        train = data["train"]
        self.check_classes(train.info.classes, train.info.labels)
        return plan_conditions(self.config, data, n, rng, self._recipe(train))

    def render(
        self,
        conditions: Sequence[Condition],
        data: Mapping[str, Dataset],
        fitted: Mapping[str, Path],
        run: RunContext,
    ) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
        """Draw each image from its own seed."""
        from methods.diffusers_folder.drawing import draw_images

        train = data["train"]
        sizes = self._image_size(), self._shown_pixels(train)
        yield from draw_images(conditions, self.config, train.info, *sizes, run)

    def check_classes(self, nuclei: Sequence[str], labels: Sequence[str]) -> None:
        """Check that the mapping of the settings has every class of the dataset.

        Raises:
            ConfigError: it lacks one.
        """
        config = self.config
        if "mask" in config.conditions:
            setting = "colours" if config.mask.colours else "channels"
            check_mapping(nuclei, config.mask.colours or config.mask.channels, f"mask.{setting}")
        if config.classes:
            check_mapping(labels, config.classes, "classes")

    def _image_size(self) -> int:
        size = self.config.image_size or own_size(self.config.sources["pipeline"].folder())
        if size is None:
            raise ConfigError(
                f"The configuration of {self.config.pipeline} does not say how large its images are",
                got="no `sample_size` of a denoiser",
                fix="--set method.image_size=PIXELS",
            )
        return size

    def _shown_pixels(self, train: Dataset) -> int:
        return shown_pixels(self.config.patch_size, train.info.mpp, self._image_size(), self.config.mpp)

    def _recipe(self, train: Dataset) -> dict[str, Any]:
        """Return how images are drawn, for the metadata of the set."""
        config, image, pixels = self.config, self._image_size(), self._shown_pixels(train)
        patch = config.patch_size
        resampled = "no" if pixels == patch else f"from {pixels} to {patch} pixels"
        return {
            "pipeline": location_key(config.pipeline),
            "revision": config.revision,
            "controlnet": None if config.controlnet is None else location_key(config.controlnet),
            "controlnet_revision": config.controlnet_revision,
            "prompt": config.template,
            "steps": config.steps,
            "guidance_scale": config.guidance_scale,
            "image_size": image,
            "mpp": config.mpp,
            "cut": "no" if pixels == image else f"the middle {pixels} of {image} pixels",
            "resampled": resampled,
        }
