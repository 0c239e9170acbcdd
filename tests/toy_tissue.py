"""Colour-coded tissue in memory, a class-conditional method that paints it, and a network that reads it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pydantic import BaseModel

from bench.contract import Budget, Condition, Dataset, Downstream, Prediction, RunContext, Sample, Settings, TrainingMix
from methods.selection import SelectionArm, Selective, SelectiveSettings
from tests import toy

LABELS = ("red", "green", "blue")
COLOURS = np.array([(200, 60, 60), (60, 200, 60), (60, 60, 200)], float)


class TissueDataset(toy.NucleiDataset):
    """Squares of one colour a class, in the order 0, 1, 2, 0, ...; three in a row share a group."""

    @property
    def info(self):
        return replace(super().info, task="tissue", classes=(), labels=LABELS, rare=())

    def __getitem__(self, index: int) -> Sample:
        plain = super().__getitem__(index)
        image = paint(index % 3, self.size, np.random.default_rng((self.seed, index)), 0.0)
        return Sample(plain.id, image, f"slide-{index // 3}", self.mpp, label=index % 3)


def paint(label: int, size: int, rng: np.random.Generator, confusion: float) -> np.ndarray:
    """Paint a square of a class; `confusion` in [0, 1] turns its colour towards the next class."""
    colour = (1 - confusion) * COLOURS[label] + confusion * COLOURS[(label + 1) % 3]
    return np.clip(colour + rng.normal(0, 12, (size, size, 3)), 0, 255).astype(np.uint8)


class PainterConfig(SelectiveSettings):
    """`confused` is the share of images that show another class than asked, `weak` a class of which four in five do."""

    ratio: float = 1.0
    patch_size: int = 8
    confused: float = 0.3
    weak: int | None = None
    selection: tuple[SelectionArm, ...] = (
        SelectionArm(rule="random", ratio=0.5),
        SelectionArm(rule="centroid", ratio=1.0),
    )


class Painter(Selective):
    """Draws images of a class, some of them of the wrong one."""

    Config: ClassVar[type[BaseModel]] = PainterConfig
    conditions = frozenset({"class"})

    def __init__(self, config: PainterConfig) -> None:
        self.config: Any = config
        self.ratio = config.ratio

    def plan(self, data: Mapping[str, Dataset], n: int, rng: np.random.Generator) -> Iterator[Condition]:
        for index in range(n):
            seed = int(rng.integers(2**53))
            yield Condition(id=f"painted-{index:04d}", kind="class", seed=seed, label=index % 3)

    def render(
        self, conditions: Sequence[Condition], data: object, fitted: object, run: RunContext
    ) -> Iterator[np.ndarray]:
        for condition in conditions:
            rng = np.random.default_rng(condition.seed)
            confused = 0.8 if condition.label == self.config.weak else self.config.confused
            amount = 1.0 if rng.random() < confused else rng.uniform(0, 0.3)
            yield paint(int(condition.label or 0), self.config.patch_size, rng, amount)


class ReaderConfig(Settings):
    """No settings."""


class Reader(Downstream):
    """A network that knows classes by mean colour, and learns nothing."""

    Config: ClassVar[type[BaseModel]] = ReaderConfig
    task: ClassVar[str] = "tissue"

    def __init__(self, config: ReaderConfig | None = None) -> None:
        self.config: BaseModel = config or ReaderConfig()
        self.seen: list[TrainingMix] = []

    def fit(self, train: TrainingMix, budget: Budget, out: Path, run: RunContext) -> None:
        self.seen.append(train)
        (out / "weights.txt").write_text(str(train.fraction))

    def predict(self, images: Iterable[np.ndarray], checkpoint: Path, run: RunContext) -> Iterator[Prediction]:
        for row in self.features(images, checkpoint, run):
            closeness = np.exp(-np.abs(row - COLOURS / 255).sum(axis=1) * 4)
            yield Prediction(scores=(closeness / closeness.sum()).astype(np.float32))

    def features(self, images: Iterable[np.ndarray], checkpoint: Path, run: RunContext) -> np.ndarray:
        return np.stack([image.mean(axis=(0, 1)) / 255 for image in images]).astype(np.float32)
