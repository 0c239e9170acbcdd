"""Patches of real tiles, for methods that cut or change them: where to cut, with which labels, from which tile.

`plan` draws positions with :func:`grid_crops` and cuts labels with :func:`crop_labels`; `render` finds the tile again
with :class:`Tiles` and :func:`window_of`, and cuts its pixels with :func:`crop_image`. CONTRIBUTING.md has an example.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Int32, UInt8
from pydantic import Field

from bench.contract import Condition, Dataset, Sample, SampleRecord, Settings
from bench.errors import DataError
from bench.track import track_of

__all__ = [
    "GRID",
    "Crop",
    "PatchSettings",
    "Tiles",
    "crop_image",
    "crop_labels",
    "drop_vanished",
    "grid_crops",
    "grid_offsets",
    "labels_of",
    "require_nuclei",
    "window_of",
]

GRID = 10
"""Offsets per axis. DiffMix cuts 100 patches per tile; its release does not say where (hvcl/DiffMix, issue 10)."""


class PatchSettings(Settings):
    """How a method that recombines real tiles cuts patches from them."""

    patch_size: int = Field(default=256, ge=8)  # DiffMix section 3.2, pixels at the working resolution
    grid: int = Field(default=GRID, ge=1)  # offsets per axis
    # pixels at 40x: if the border of a window leaves less of a nucleus than this, it cannot be recognised as one
    min_fragment: int = Field(default=10, ge=0)
    ratio: float = Field(default=1.0, ge=0)  # "the same numbers" of synthetic and real patches, DiffMix section 3.2

    def min_area(self, mpp: float) -> int:
        """Return `min_fragment` in pixels of `mpp` micrometres, rounded half up."""
        return int(self.min_fragment * (0.25 / mpp) ** 2 + 0.5)


class Crop(NamedTuple):
    """A window of one tile: the position of the tile in its dataset, and the window's upper left corner."""

    tile: int
    y: int
    x: int


def grid_offsets(length: int, patch: int, count: int = GRID) -> list[int]:
    """Return the distinct ones of `count` evenly spaced offsets, round(linspace(0, length - patch, count)).

    >>> grid_offsets(1000, 256)
    [0, 83, 165, 248, 331, 413, 496, 579, 661, 744]
    """
    return sorted({round(float(offset)) for offset in np.linspace(0, length - patch, count)})


def grid_crops(dataset: Dataset, patch: int, n: int, rng: np.random.Generator, *, count: int = GRID) -> list[Crop]:
    """Draw `n` windows of the grid, spread over the tiles so that no tile has two more than another.

    The windows of a tile are drawn without replacement. Only if `n` exceeds the number of windows in the grid are they
    drawn again, each equally often. The list is ordered by tile, then by row and column.

    Raises:
        DataError: the dataset is empty, or a drawn tile is smaller than the patch.
    """
    records = dataset.records
    tiles = [index for index, record in enumerate(records) if record.height > 0]  # a caption may have no image
    if not tiles:
        raise DataError(
            f"The dataset {dataset.info.name} has no tiles to cut patches from", got="a dataset without images"
        )
    quota = np.full(len(tiles), n // len(tiles))
    quota[rng.permutation(len(tiles))[: n % len(tiles)]] += 1
    crops: list[Crop] = []
    for index, wanted in zip(tiles, quota.tolist(), strict=True):
        if wanted == 0:
            continue
        places = _grid(records[index], patch, count)
        drawn: list[int] = []
        while len(drawn) < wanted:
            drawn += rng.permutation(len(places)).tolist()
        crops += [Crop(index, *places[place]) for place in sorted(drawn[:wanted])]
    return crops


def crop_image(image: UInt8[np.ndarray, "h w 3"], y: int, x: int, size: int) -> UInt8[np.ndarray, "size size 3"]:
    """Cut a square window out of an image.

    Raises:
        DataError: the window extends beyond the image.
    """
    _check_window(image.shape, y, x, size)
    return image[y : y + size, x : x + size].copy()


def crop_labels(
    instances: Int32[np.ndarray, "h w"],
    types: UInt8[np.ndarray, " n"] | None,
    y: int,
    x: int,
    size: int,
    *,
    min_area: int = 0,
) -> tuple[Int32[np.ndarray, "size size"], UInt8[np.ndarray, " k"] | None]:
    """Cut a square window out of an instance map; the ids become 1..k, in their old order.

    Args:
        instances: the tile's instance map, ids in 1..n.
        types: class of instance i + 1, in 1..C; None if nuclei have no classes.
        y: first row of the window.
        x: first column of the window.
        size: side of the window in pixels.
        min_area: a nucleus that is cut by the window's border is dropped if fewer pixels than this remain; a nucleus
            that is whole is always kept.

    Raises:
        DataError: the window extends beyond the map.
    """
    _check_window(instances.shape, y, x, size)
    window = instances[y : y + size, x : x + size]
    n = int(instances.max(initial=0)) if types is None else len(types)
    left = np.bincount(window.ravel(), minlength=n + 1)
    left[0] = 0
    for fragment in np.flatnonzero((left > 0) & (left < min_area)):
        if left[fragment] < np.count_nonzero(instances == fragment):
            left[fragment] = 0
    kept = left > 0
    return _relabel(window, kept), None if types is None else types[kept[1:]]


def drop_vanished(
    instances: Int32[np.ndarray, "h w"], types: UInt8[np.ndarray, " n"]
) -> tuple[Int32[np.ndarray, "h w"], UInt8[np.ndarray, " k"]]:
    """Drop ids that no longer have any pixel and number the others 1..k, in their old order."""
    held = np.bincount(instances.ravel(), minlength=len(types) + 1) > 0
    held[0] = False
    return _relabel(instances, held), types[held[1:]]


def labels_of(sample: Sample) -> tuple[Int32[np.ndarray, "h w"], UInt8[np.ndarray, " n"]]:
    """Return a tile's instance map and types.

    Raises:
        DataError: the tile has no labels of nuclei, or these have no classes.
    """
    if sample.instances is None or sample.types is None:
        got = "an image without an instance map" if sample.instances is None else "nuclei without classes"
        raise DataError(f"The tile {sample.id} has no labels of nuclei with classes", got=got)
    return sample.instances, sample.types


def require_nuclei(dataset: Dataset) -> None:
    """Refuse a dataset without instance maps, before any work starts.

    Raises:
        DataError: the dataset's task is not nuclei.
    """
    if track_of(dataset.info).label != "mask":
        raise DataError(
            f"The dataset {dataset.info.name} has no instance maps, but this method needs a nuclei dataset",
            got=f"a dataset for the task {dataset.info.task}",
            fix="choose a nuclei dataset, or a method that is conditioned on classes",
        )


class Tiles:
    """Tiles of a dataset by id; the last tile is kept in memory, because conditions are ordered by tile."""

    def __init__(self, dataset: Dataset) -> None:
        """Store the dataset; tiles are read when they are needed."""
        self._dataset = dataset
        self._places = {name: place for place, name in enumerate(dataset.ids)}
        self._last: Sample | None = None

    def place(self, name: str) -> int:
        """Return the position of a tile in its dataset.

        Raises:
            DataError: the dataset contains no such tile.
        """
        if name not in self._places:
            raise DataError(
                f"The dataset {self._dataset.info.name} ({self._dataset.info.split}) contains no such tile", got=name
            )
        return self._places[name]

    def __getitem__(self, name: str) -> Sample:
        if self._last is None or self._last.id != name:
            self._last = self._dataset[self.place(name)]
        return self._last


def window_of(condition: Condition) -> tuple[str, int, int]:
    """Return the source of a condition, and the row and column of its window in the source.

    Raises:
        DataError: the condition has no source, so real pixels cannot show it.
    """
    source = condition.sources.get("train")
    if source is None or condition.crop is None:
        raise DataError(
            f"Condition {condition.id} needs a window of a real tile",
            got="a label map without a source",
            fix="use a method that draws images from masks, for example sdm or diffmix",
        )
    return source, *condition.crop


def _grid(tile: SampleRecord, patch: int, count: int) -> list[tuple[int, int]]:
    if min(tile.height, tile.width) < patch:
        raise DataError(
            f"The patches are larger than the tiles, which must have at least {patch} x {patch} pixels",
            got=f"{tile.height} x {tile.width} in {tile.id}",
            fix="use a smaller patch size: --set method.patch_size=...",
        )
    rows, columns = (grid_offsets(length, patch, count) for length in (tile.height, tile.width))
    return [(y, x) for y in rows for x in columns]


def _check_window(shape: tuple[int, ...], y: int, x: int, size: int) -> None:
    if not (0 <= y <= shape[0] - size and 0 <= x <= shape[1] - size):
        raise DataError(
            f"The window must be inside the {shape[0]} x {shape[1]} pixels of its tile",
            got=f"{size} x {size} at row {y}, column {x}",
        )


def _relabel(instances: Int32[np.ndarray, "h w"], keep: np.ndarray) -> Int32[np.ndarray, "h w"]:
    """Renumber the kept ids 1..k; `keep` has one entry per id, beginning with the background (False)."""
    return np.asarray(np.where(keep, np.cumsum(keep), 0).astype(np.int32)[instances])
