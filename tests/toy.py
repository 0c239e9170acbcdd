"""Tiny in-memory stand-ins for datasets and runs: coloured discs on pink."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from bench.contract import DatasetInfo, Progress, Ranks, Sample, SampleRecord

COLOURS = {1: (60, 40, 60), 2: (60, 20, 120), 3: (150, 90, 170), 4: (190, 90, 140)}
CLASSES = ("miscellaneous", "inflammatory", "epithelial", "spindle")


def tile(seed: int, size: int, density: float = 0.004) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw an image, its instance map and its types: discs of radius 3 to 8, class 1 rare and small."""
    rng = np.random.default_rng(seed)
    image = np.empty((size, size, 3), np.float64)
    image[:] = (235, 190, 215)
    image += rng.normal(0, 6, image.shape)
    instances = np.zeros((size, size), np.int32)
    types: list[int] = []
    rows, columns = np.mgrid[:size, :size]
    for _ in range(int(density * size * size)):
        kind = int(rng.choice([1, 2, 3, 4], p=[0.1, 0.3, 0.3, 0.3]))
        radius = rng.uniform(2.5, 4.0) if kind == 1 else rng.uniform(5.0, 8.0)
        y, x = rng.uniform(0, size, 2)
        mask = ((rows - y) ** 2 + (columns - x) ** 2 <= radius**2) & (instances == 0)
        if mask.sum() < 12:
            continue
        types.append(kind)
        instances[mask] = len(types)
        image[mask] = np.array(COLOURS[kind]) + rng.normal(0, 8, (int(mask.sum()), 3))
    return np.clip(image, 0, 255).astype(np.uint8), instances, np.array(types, np.uint8)


@dataclass
class NucleiDataset:
    """A dataset of coloured discs in memory."""

    n_tiles: int = 4
    size: int = 96
    seed: int = 0
    split: str = "train"
    mpp: float = 0.5
    samples: list[Sample] = field(init=False)

    def __post_init__(self) -> None:
        self.samples = []
        for index in range(self.n_tiles):
            image, instances, types = tile(self.seed * 1000 + index, self.size)
            name = f"{self.split}-{self.seed}-{index}"
            self.samples.append(
                Sample(name, image, f"slide-{index // 2}", self.mpp, instances, types, caption="discs on pink")
            )

    @property
    def info(self) -> DatasetInfo:
        return DatasetInfo("toy", self.split, "nuclei", CLASSES, (), self.mpp, rare=(1,))

    @property
    def ids(self) -> Sequence[str]:
        return [sample.id for sample in self.samples]

    @property
    def groups(self) -> Sequence[str]:
        return [sample.group for sample in self.samples]

    @property
    def records(self) -> Sequence[SampleRecord]:
        return [SampleRecord.of(self[index], len(self.info.classes)) for index in range(len(self))]

    @property
    def digest(self) -> str:
        return hashlib.sha256(b"".join(sample.image.tobytes() for sample in self.samples)).hexdigest()

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> Sample:
        return self.samples[index]


class _Silent:
    def advance(self, n: int = 1, **values: float) -> None:
        return


@dataclass
class Run:
    """A run context that shows nothing and keeps its curves in memory."""

    seed: int = 0
    device: str = "cpu"
    precision: str = "32-true"
    threads: int = 1
    workers: int = 0
    ranks: Ranks | None = None
    curves: dict[str, dict[int, float]] = field(default_factory=dict)

    def derive(self, *scope: str | int) -> int:
        text = "/".join(str(part) for part in (self.seed, *scope))
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little") >> 1

    def rng(self, *scope: str | int) -> np.random.Generator:
        return np.random.default_rng(self.derive(*scope))

    @contextmanager
    def progress(self, stage: str, total: int, *, done: int = 0, unit: str = "step") -> Iterator[Progress]:
        yield _Silent()

    def curve(self, name: str, step: int, value: float) -> None:
        self.curves.setdefault(name, {})[step] = value
