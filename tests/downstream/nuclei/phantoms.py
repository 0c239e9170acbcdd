"""Phantom tiles in memory, and the nucleus networks as their cards describe them."""

from __future__ import annotations

from collections.abc import Sequence

from bench.contract import Sample, SampleRecord
from bench.datasets.card import load_card
from bench.datasets.phantom.config import PhantomConfig
from bench.datasets.phantom.draw import draw_tile
from bench.datasets.prepared.resample import resample
from bench.registry import load, names
from tests.toy import NucleiDataset


def phantom(seed: int, side: int) -> Sample:
    """Draw a tile of `side` px at 0.5 micrometres per pixel."""
    group = f"slide-{seed}"
    tile = draw_tile(seed, group, 2 * side, config=PhantomConfig())
    return resample(Sample(f"phantom-{seed}", tile.image, group, 0.25, tile.instances, tile.types), 0.5)


class PhantomDataset(NucleiDataset):
    """A dataset of phantom tiles; its classes are those of the toy."""

    def __init__(self, n_tiles: int, side: int) -> None:
        super().__init__(0)
        self.samples = [phantom(seed, side) for seed in range(n_tiles)]

    @property
    def records(self) -> Sequence[SampleRecord]:
        """What is known of the tiles."""
        return [SampleRecord.of(sample, 4) for sample in self.samples]


def nucleus_networks() -> list[str]:
    """Return the names of all downstream networks for nuclei."""
    return [name for name in names("downstream") if load("downstream", name).task == "nuclei"]


def phantom_split(split: str) -> PhantomDataset:
    """Return a split of the phantom as its card describes it, at the resolution of `smoke`."""
    source = load("datasets", "phantom")(load_card("phantom"), None)
    found = PhantomDataset(0, 0)
    found.split = split
    found.samples = [resample(source.read(split, index), 0.5) for index in range(len(source.ids(split)))]
    return found
