"""The tiles of a split that a search for windows reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import overload

import numpy as np

from bench.contract import Dataset
from bench.engine.context import Run

MOST_TILES = 2000
"""Tiles of a split that are searched; of a larger split, a random choice."""


class TileImages(Sequence[np.ndarray]):
    """The images of some samples of a split, each read when it is needed."""

    def __init__(self, data: Dataset, chosen: Sequence[int]) -> None:
        """Show the samples `chosen` of a split, in this order."""
        self._data, self._chosen = data, chosen

    @overload
    def __getitem__(self, index: int) -> np.ndarray: ...

    @overload
    def __getitem__(self, index: slice) -> TileImages: ...

    def __getitem__(self, index: int | slice) -> np.ndarray | TileImages:
        """Return one image, or the images of some of the samples."""
        if isinstance(index, slice):
            return TileImages(self._data, self._chosen[index])
        return self._data[self._chosen[index]].image

    def __len__(self) -> int:
        return len(self._chosen)


def chosen_tiles(data: Dataset, context: Run, split: str) -> list[int]:
    """Return the tiles that are searched: those with pixels, at most `MOST_TILES`."""
    shown = np.array([index for index, record in enumerate(data.records) if record.height], np.int64)
    return [int(index) for index in np.sort(context.rng("tiles", split).permutation(shown)[:MOST_TILES])]
