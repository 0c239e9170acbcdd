"""StyleGAN2 as a method, which draws equally many images of each class."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
from jaxtyping import UInt8

from bench.contract import Condition, Dataset, Part, RunContext
from bench.errors import DataError
from methods.class_conditions import class_conditions
from methods.selection import Selective
from methods.stylegan2.config import StyleGAN2Config

PART = "stylegan2"


class StyleGAN2(Selective):
    """Class-conditional StyleGAN2 (Karras et al. 2020), the baseline of HistoDiffusion."""

    Config: ClassVar[type[StyleGAN2Config]] = StyleGAN2Config
    conditions = frozenset({"class"})
    config: StyleGAN2Config

    def __init__(self, config: StyleGAN2Config) -> None:
        """Store the settings."""
        self.config = config
        self.ratio = max(arm.ratio for arm in config.selection)
        self.chunk = max(self.chunk, config.render_batch)

    def parts(self) -> Sequence[Part]:
        """Return the single part, which trains both networks."""
        return (Part(PART, frozenset({"train"}), (), self.config.part),)

    def fit(
        self, part: Part, data: Mapping[str, Dataset], fitted: Mapping[str, Path], out: Path, run: RunContext
    ) -> None:
        """Train generator and discriminator against each other."""
        if part.name != PART:
            raise DataError(f"StyleGAN2 has only the part {PART!r}", got=part.name)
        from methods.stylegan2.training import train_stylegan2

        train_stylegan2(self.config.part, data["train"], out, run)

    def plan(self, data: Mapping[str, Dataset], n: int, rng: np.random.Generator) -> Iterator[Condition]:
        """Plan equally many images of each class."""
        return class_conditions(data["train"], n, rng, {"truncation": self.config.truncation})

    def render(
        self,
        conditions: Sequence[Condition],
        data: Mapping[str, Dataset],
        fitted: Mapping[str, Path],
        run: RunContext,
    ) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
        """Draw each image from the class and the seed of its condition."""
        from methods.stylegan2.render import draw_classes

        yield from draw_classes(conditions, fitted[PART], self.config.truncation, self.config.render_batch, run)
