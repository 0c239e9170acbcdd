"""Rare nuclei that can be donors, tile by tile."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np
from jaxtyping import Bool

from bench.contract import Dataset, Sample
from methods.gradmix.config import GradMixConfig
from methods.gradmix.measure import measure
from methods.lengths import scaled
from methods.patches import labels_of

RECENT = 8
"""Number of donor tiles whose pixels are kept; the first-fit search alternates between few tiles."""


@dataclass(frozen=True, eq=False)
class Rare:
    """One rare nucleus: its id in its tile, its class, and the upper left corner and mask of its bounding box."""

    instance: int
    kind: int
    area: int
    corner: tuple[int, int]
    mask: Bool[np.ndarray, "a b"]


@dataclass(frozen=True)
class DonorTile:
    """The rare nuclei of one tile, in order of id; `load` reads the tile when its pixels are needed."""

    id: str
    rare: tuple[Rare, ...]
    load: Callable[[], Sample]


def donor_tile(
    sample: Sample, config: GradMixConfig, rare: Iterable[int], load: Callable[[], Sample] | None = None
) -> DonorTile:
    """Return the rare nuclei of a tile that are far enough from its border."""
    instances, types = labels_of(sample)
    nuclei = measure(instances, len(types))
    gives = nuclei.inside(scaled(config.border, sample.mpp)) & np.isin(types, list(rare))
    found = []
    for place in np.flatnonzero(gives).tolist():
        box = nuclei.boxes[place]
        if box is not None:
            corner = (box[0].start, box[1].start)
            mask = instances[box] == place + 1
            found.append(Rare(place + 1, int(types[place]), int(nuclei.areas[place]), corner, mask))
    return DonorTile(sample.id, tuple(found), load or (lambda: sample))


class DonorPool:
    """The donor tiles of a training set; each tile is measured once, when it is first reached."""

    def __init__(self, dataset: Dataset, config: GradMixConfig) -> None:
        """Draw donors from `dataset`, whose `info.rare` names the rare classes."""
        self._dataset, self._config = dataset, config
        self._tiles: dict[int, DonorTile] = {}
        self._load = lru_cache(RECENT)(dataset.__getitem__)

    def others(self, index: int, rng: np.random.Generator) -> Iterator[DonorTile]:
        """Yield every tile except tile `index`, in a random order that is drawn at the start."""
        order = rng.permutation(len(self._dataset)).tolist()
        return (self._tile(other) for other in order if other != index)

    def _tile(self, index: int) -> DonorTile:
        if index not in self._tiles:
            load = partial(self._load, index)
            self._tiles[index] = donor_tile(load(), self._config, self._dataset.info.rare, load)
        return self._tiles[index]


class Unused:
    """Donors that have not been used yet: first those of the target tile, then those of other tiles."""

    def __init__(self, own: DonorTile, others: Iterable[DonorTile]) -> None:
        """Start with the target's own rare nuclei."""
        self._others = iter(others)
        self._pool = [(own, rare) for rare in own.rare]

    def find(self, largest: float) -> tuple[DonorTile, Rare] | None:
        """Return the first unused donor with at most `largest` pixels; None if there is none."""
        fitting = next((donor for donor in self._pool if donor[1].area <= largest), None)
        while fitting is None:
            tile = next(self._others, None)
            if tile is None:
                return None
            reached = [(tile, rare) for rare in tile.rare]
            self._pool += reached
            fitting = next((donor for donor in reached if donor[1].area <= largest), None)
        return fitting

    def strike(self, donor: tuple[DonorTile, Rare]) -> None:
        """Remove a donor that was used."""
        self._pool.remove(donor)
