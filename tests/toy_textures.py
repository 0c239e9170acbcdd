"""Toy tissue: labelled images whose classes differ by colour, or by texture alone."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from bench.contract import DatasetInfo, Sample, SampleRecord

LABELS = ("checks", "rows", "columns")
TINTS = ((200, 120, 160), (120, 90, 170), (230, 210, 225))


def texture(label: int, size: int, rng: np.random.Generator) -> np.ndarray:
    """Draw stripes or checks of a period of 8 px at a random phase: half of the pixels dark, in every class."""
    y, x = np.mgrid[:size, :size]
    a, b = (((axis + rng.integers(8)) // 4) % 2 for axis in (y, x))
    return (a ^ b, a, b)[label].astype(np.float64)


@dataclass
class TextureDataset:
    """Images in memory, evenly over three classes; `kind` says what tells them apart.

    Two images of a class share a group with those of the other classes.
    """

    per_class: int = 4
    size: int = 32
    seed: int = 0
    kind: str = "texture"
    split: str = "train"
    groups_apart: bool = False
    samples: list[Sample] = field(init=False)

    def __post_init__(self) -> None:
        rng = np.random.default_rng(self.seed)
        self.samples = []
        for number in range(self.per_class):
            for label in range(len(LABELS)):
                pattern = texture(label if self.kind == "texture" else int(rng.integers(3)), self.size, rng)
                tint = np.array(TINTS[label if self.kind == "colour" else 0])
                image = tint * (1 - 0.3 * pattern[..., None]) + rng.normal(0, 4, (self.size, self.size, 3))
                name = f"{self.split}-{self.seed}-{number}-{label}"
                group = name if self.groups_apart else f"{self.split}-slide-{number // 2}"
                pixels = np.clip(image, 0, 255).astype(np.uint8)
                self.samples.append(Sample(name, pixels, group, 0.5, label=label))

    @property
    def info(self) -> DatasetInfo:
        return DatasetInfo("toy-tissue", self.split, "tissue", (), LABELS, 0.5)

    @property
    def ids(self) -> Sequence[str]:
        return [sample.id for sample in self.samples]

    @property
    def groups(self) -> Sequence[str]:
        return [sample.group for sample in self.samples]

    @property
    def records(self) -> Sequence[SampleRecord]:
        return [SampleRecord.of(sample, 0) for sample in self.samples]

    @property
    def labels(self) -> np.ndarray:
        return np.array([sample.label for sample in self.samples])

    @property
    def digest(self) -> str:
        return hashlib.sha256(b"".join(sample.image.tobytes() for sample in self.samples)).hexdigest()

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> Sample:
        return self.samples[index]
