"""Real patches encoded as JPEG again, which show what encoding costs without anything synthetic."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
from jaxtyping import UInt8
from PIL import Image
from pydantic import Field

from bench.contract import Condition, Dataset, RunContext
from methods.controls.real import Copy
from methods.patches import PatchSettings


class RecompressedConfig(PatchSettings):
    """Quality of the encoding, by the tables of the Independent JPEG Group: 100 changes least."""

    quality: int = Field(default=75, ge=1, le=100)  # the default of most programs that write JPEG


class RecompressedReal(Copy):
    """Training patches written as JPEG (4:2:0) and read again.

    Nothing else tells them from the patches of `copy`, so the difference between both arms is the cost of encoding.
    """

    Config: ClassVar[type[PatchSettings]] = RecompressedConfig
    config: RecompressedConfig

    def plan(self, data: Mapping[str, Dataset], n: int, rng: np.random.Generator) -> Iterator[Condition]:
        """Draw the windows that `copy` draws from the same generator."""
        recipe = {"quality": self.config.quality}
        for condition in super().plan(data, n, rng):
            name = condition.id.replace("copy", "recompressed", 1)
            yield dataclasses.replace(condition, id=name, kind="recompressed", recipe=recipe)

    def render(
        self,
        conditions: Sequence[Condition],
        data: Mapping[str, Dataset],
        fitted: Mapping[str, Path],
        run: RunContext,
    ) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
        """Cut the windows out of their tiles, encode and decode them."""
        return (recompress(image, self.config.quality) for image in super().render(conditions, data, fitted, run))


def recompress(image: UInt8[np.ndarray, "h w 3"], quality: int) -> UInt8[np.ndarray, "h w 3"]:
    """Return an image after encoding as JPEG with chroma of half the resolution (4:2:0), and decoding."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, format="JPEG", quality=quality, subsampling="4:2:0")
    with Image.open(file) as decoded:
        return np.array(decoded.convert("RGB"))
