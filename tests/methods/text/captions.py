"""Toy captioned images: the caption names colour and texture of the image."""

from __future__ import annotations

import numpy as np

from bench.contract import DatasetInfo, Sample
from tests.toy import NucleiDataset

COLOURS = {"pink": (230, 150, 190), "purple": (130, 80, 170), "white": (240, 240, 240)}
PATTERNS = ("smooth", "striped")


class CaptionedDataset(NucleiDataset):
    """Tiles in three colours, smooth or striped."""

    def __post_init__(self) -> None:
        rng = np.random.default_rng(self.seed)
        self.samples = []
        for index in range(self.n_tiles):
            colour, pattern = list(COLOURS)[index % 3], PATTERNS[index // 3 % 2]
            image = np.full((self.size, self.size, 3), COLOURS[colour], np.float64) + rng.normal(0, 8, 3)
            if pattern == "striped":
                image[(np.arange(self.size) + int(rng.integers(8))) % 8 < 4] *= 0.8
            pixels = np.clip(image + rng.normal(0, 4, image.shape), 0, 255).astype(np.uint8)
            caption = f"H&E, {colour} tissue; {pattern}."
            self.samples.append(Sample(f"t{index}", pixels, f"slide-{index // 4}", self.mpp, caption=caption))

    @property
    def info(self) -> DatasetInfo:
        return DatasetInfo("captioned", self.split, "nuclei", (), (), self.mpp)
