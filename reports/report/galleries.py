"""Galleries: the pictures that runs keep, joined so that what belongs together is in one row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from bench.errors import DataError
from bench.results.evidence import FOLDER, Picture
from reports.report.material import Run


class _About(NamedTuple):
    title: str
    words: str
    joined: bool
    """Whether rows of several runs are one row: they show the same sample."""


_GALLERIES = {
    "labels": _About(
        "Originals and what methods made of them",
        "A training patch, and the patches that arms derived from it, with the outlines of their labels.",
        True,
    ),
    "same-mask": _About(
        "Drawn under the same mask",
        "A test patch, and what each arm drew under its mask without seeing the image.",
        True,
    ),
    "predictions": _About(
        "Predictions on test tiles",
        "A test tile with its true labels, and the predictions of networks trained on each arm.",
        True,
    ),
    "captions": _About("Captions", "A caption, its real image, and what each arm drew from it.", True),
    "classes": _About("Classes", "Images of each class by every arm; rows are classes.", True),
    "copies": _About(
        "Suspected copies",
        "The synthetic images that are most like a training patch, next to the nearest one.",
        False,
    ),
    "faithfulness": _About(
        "Least faithful to their masks",
        "Synthetic images with the mask that they should show, and what a segmentation network found, the worst first.",
        False,
    ),
    "confusions": _About(
        "Confused most often",
        "Nuclei or images of one class that were taken for another, the most frequent pairs first.",
        True,
    ),
}


class Tile(NamedTuple):
    """One picture of a grid and the file that it is in."""

    file: Path
    picture: Picture


class GridRow(NamedTuple):
    """A row of a grid: what its pictures have in common, and the pictures of each column."""

    name: str
    cells: Sequence[Sequence[Tile]]


@dataclass(frozen=True)
class Grid:
    """Pictures in rows and columns; `subtitle` names the method if the pictures are of one run."""

    subtitle: str
    columns: Sequence[str]
    rows: Sequence[GridRow]

    def first(self, rows: int) -> Grid:
        """Return the first rows of the grid."""
        return Grid(self.subtitle, self.columns, self.rows[:rows])

    def tiles(self) -> Iterator[Tile]:
        """Yield all pictures."""
        return (tile for row in self.rows for cell in row.cells for tile in cell)


@dataclass(frozen=True)
class Gallery:
    """The pictures of one kind: one grid, or one for each run."""

    name: str
    title: str
    words: str
    grids: Sequence[Grid]
    hidden: int = 0

    @property
    def outlined(self) -> bool:
        """Whether labels are drawn on a picture, so that the colours of classes must be explained."""
        return any(tile.picture.outlines for grid in self.grids for tile in grid.tiles())

    def first(self, rows: int) -> Gallery:
        """Return the gallery with the first rows of each grid; `hidden` counts the others."""
        hidden = sum(max(len(grid.rows) - rows, 0) for grid in self.grids)
        return Gallery(self.name, self.title, self.words, [grid.first(rows) for grid in self.grids], hidden)


def galleries_of(runs: Sequence[Run]) -> list[Gallery]:
    """Return the galleries that have pictures, in a fixed order.

    Raises:
        DataError: a picture is said to be outside the folder of its run.
    """
    found = []
    for name, about in _GALLERIES.items():
        by_run = [(run.title, list(_tiles(run, name))) for run in runs]
        together = [("", [tiles for _, tiles in by_run])] if about.joined else [(title, [own]) for title, own in by_run]
        grids = [_grid(title, runs_tiles) for title, runs_tiles in together if any(runs_tiles)]
        if grids:
            found.append(Gallery(name, about.title, about.words, grids))
    return found


def _tiles(run: Run, gallery: str) -> Iterator[Tile]:
    pictures: Iterable[Picture] = () if run.evidence is None else run.evidence.pictures
    for picture in pictures:
        if picture.gallery == gallery:
            if Path(picture.file).name != picture.file:  # a store may come from elsewhere
                got = f"{picture.file!r} in run {run.key}"
                raise DataError("A picture of a run is outside its folder", got=got, fix="run it again")
            yield Tile(run.folder / FOLDER / picture.file, picture)


def _grid(subtitle: str, by_run: Sequence[Sequence[Tile]]) -> Grid:
    columns = _merged([list(dict.fromkeys(tile.picture.column for tile in tiles)) for tiles in by_run])
    by_row: dict[str, dict[str, dict[str, Tile]]] = {}
    for tile in (tile for tiles in by_run for tile in tiles):
        cell = by_row.setdefault(tile.picture.row, {}).setdefault(tile.picture.column, {})
        cell.setdefault(tile.picture.file, tile)  # several runs have the same picture of a real patch
    # the worst row first; of rows without values, that which shows most
    order = {name: (min(_values(cells.values()), default=0.0), -len(cells)) for name, cells in by_row.items()}
    rows = [
        GridRow(
            _name(name, cells.values()).removeprefix(f"{subtitle}: "),
            [list(cells.get(column, {}).values()) for column in columns],
        )
        for name, cells in sorted(by_row.items(), key=lambda item: order[item[0]])
    ]
    return Grid(subtitle, columns, rows)


def _merged(orders: Sequence[Sequence[str]]) -> list[str]:
    """Return the columns of several runs: what only one run has stands where it stands there, next to its like.

    A run shows the truth, its baseline, its own arms and then the other controls; joined, all own arms stand together.
    """
    merged: list[str] = []
    for order in orders:
        for place, column in enumerate(order):
            if column not in merged:
                known = (merged.index(later) for later in order[place + 1 :] if later in merged)
                merged.insert(next(known, len(merged)), column)
    return merged


def _values(cells: Iterable[dict[str, Tile]]) -> list[float]:
    return [tile.picture.value for cell in cells for tile in cell.values() if tile.picture.value is not None]


def _name(row: str, cells: Iterable[dict[str, Tile]]) -> str:
    """Return what the pictures of a row have in common in words: their caption if they have one."""
    return next((tile.picture.caption for cell in cells for tile in cell.values() if tile.picture.caption), row)
