"""Datasets with an image and a label file per tile: everything but where these files are."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, UInt8

from bench.contract import Sample
from bench.datasets.card import DatasetCard
from bench.datasets.checks.merging import ClassIds, merge_classes
from bench.datasets.checks.unknown_classes import UnknownClassError
from bench.datasets.source import Finding, Tally
from bench.datasets.splits.by_card import divided
from bench.datasets.tile_source import TileSource, finding
from bench.errors import DataError
from bench.formats.labels import LabelMaps, read_labels
from bench.imageio import read_picture, read_rgb, require_same_view

WHOLE = "whole"
"""Stands for a split in the listing of a dataset that is one list of tiles."""


class Tile(NamedTuple):
    """The files of a tile, and what its path says about it; `ignored` is a mask of pixels that no metric counts."""

    id: str
    image: Path
    label: Path
    group: str
    tissue: str | None = None
    ignored: Path | None = None


class Listing(NamedTuple):
    """The tiles of one split, and the problems of their files."""

    tiles: Sequence[Tile]
    findings: Sequence[Finding] = ()


class PairedTiles(TileSource):
    """Base of readers that name the two files of every tile.

    Nuclei have classes if the card names any. Class ids of files are those of the card's `raw_classes` if it merges
    them, else those of `classes`.
    """

    maps_groups = True

    def __init__(self, card: DatasetCard, root: Path | None) -> None:
        super().__init__(card, root)
        self._notes: dict[str, Mapping[str, int]] = {}

    @abstractmethod
    def list_tiles(self) -> Mapping[str, Listing]:
        """Return the tiles of every split, in order, or those of `WHOLE`, which the card divides."""

    def labels(self, tile: Tile, shape: tuple[int, int]) -> LabelMaps:
        """Return the labels of a tile whose image has these rows and columns."""
        return read_labels(tile.label)

    def ids(self, split: str) -> Sequence[str]:
        """Return the ids of a split's tiles, in order."""
        return [tile.id for tile in self._listing(split).tiles]

    def image_file(self, split: str, index: int) -> Path | None:
        """Return the file of an image."""
        return self._listing(split).tiles[index].image

    def files(self) -> list[Path]:
        """Return every image, label and mask of all splits."""
        tiles = [tile for split in self.splits() for tile in self._listing(split).tiles]
        found = {path for tile in tiles for path in (tile.image, tile.label, tile.ignored) if path is not None}
        return sorted(found) + self.map_files()

    def read(self, split: str, index: int) -> Sample:
        """Read one tile.

        Raises:
            DataError: a file is unreadable, the files differ in size, or a nucleus has no class or an unknown one.
        """
        tile = self._listing(split).tiles[index]
        picture = read_picture(tile.image)
        image = picture.rgb
        maps = self.labels(tile, (image.shape[0], image.shape[1]))
        require_same_view(picture, maps.size, tile.image)
        _same_size(tile.image, image.shape[:2], tile.label, maps.instances.shape)
        self._notes[tile.id] = maps.notes
        types = self._types(maps, tile.label) if self.card.classes else None
        ignore, tissue = self._ignored(tile, image.shape[:2]), tile.tissue or self.card.organ
        return Sample(tile.id, image, tile.group, self.card.mpp, maps.instances, types, tissue=tissue, ignore=ignore)

    def inspect(self, split: str, index: int) -> Tally:
        """Read one tile and return its content with what was changed or left out of its outlines, or its problems."""
        tally = super().inspect(split, index)
        tile = self._listing(split).tiles[index]
        notes = self._notes.get(tile.id, {}) if tally.shape is not None else {}
        label = self.relative(tile.label)
        odd = tuple(Finding("warning", label, f"{n} {what}") for what, n in notes.items())
        return replace(tally, findings=(*tally.findings, *odd))

    def layout_findings(self, split: str) -> list[Finding]:
        """Return problems: images without a label, labels without an image, and whatever the reader finds."""
        return list(self._listing(split).findings)

    def pairs(self, images: Mapping[str, Path], labels: Mapping[str, Path]) -> tuple[list[str], list[Finding]]:
        """Return the stems that have an image and a label, and a finding about every other file."""
        unpaired = [(path, "an image without a label") for stem, path in images.items() if stem not in labels]
        unpaired += [(path, "a label without an image") for stem, path in labels.items() if stem not in images]
        findings = [Finding("error", self.relative(path), what) for path, what in unpaired]
        return [stem for stem in images if stem in labels], findings

    def relative(self, path: Path) -> str:
        """Return the path of a file in the dataset's folder."""
        return path.relative_to(self.locate()).as_posix()

    def published(self, n: int, published: int | None) -> list[Finding]:
        """Return a warning if there are not as many tiles as were published."""
        if published is None or n == published:
            return []
        return [Finding("warning", ".", f"{n} tiles instead of the published {published}")]

    def _types(self, maps: LabelMaps, path: Path) -> UInt8[np.ndarray, " n"]:
        if maps.types is None:
            fix = "download it again from its publisher"
            raise DataError(f"The nuclei in {path} have no classes", got="ids without classes", fix=fix)
        known = self.card.merging or self.card.classes
        if odd := sorted(set(maps.types.tolist()) - set(known)):
            raise UnknownClassError(str(path), odd, known, "name every class in the dataset's card")
        if not self.card.merging:
            return maps.types
        return merge_classes(ClassIds(maps.types, merged=False), self.card.merging, str(path)).ids

    def _ignored(self, tile: Tile, shape: tuple[int, ...]) -> Bool[np.ndarray, "h w"] | None:
        if tile.ignored is None:
            return None
        mask: Bool[np.ndarray, "h w"] = np.any(read_rgb(tile.ignored) != 0, axis=2)
        _same_size(tile.image, shape, tile.ignored, mask.shape)
        return mask if mask.any() else None

    def _listing(self, split: str) -> Listing:
        self.require_split(split)
        return self._listings[split]

    @cached_property
    def _listings(self) -> Mapping[str, Listing]:
        listed = self._mapped(self.list_tiles())
        whole = listed.get(WHOLE)
        if whole is None:
            return listed
        if not whole.tiles:
            return dict.fromkeys(self.splits(), whole)
        tissues = [tile.tissue or self.card.organ for tile in whole.tiles]
        parts = divided(self.card, [tile.group for tile in whole.tiles], tissues)
        # problems concern every split: none can be drawn from files that are not valid
        return {split: Listing([whole.tiles[i] for i in part], whole.findings) for split, part in parts.items()}

    def _mapped(self, listed: Mapping[str, Listing]) -> Mapping[str, Listing]:
        """Return a listing with the groups of the card's `group_map`."""
        tiles = [tile for part in listed.values() for tile in part.tiles]
        try:
            groups = self.grouped([tile.id for tile in tiles], [tile.group for tile in tiles])
        except DataError as error:
            problem = finding("group_map", error)
            return {split: Listing(part.tiles, [*part.findings, problem]) for split, part in listed.items()}
        group = {tile.id: name for tile, name in zip(tiles, groups, strict=True)}
        return {
            split: Listing([tile._replace(group=group[tile.id]) for tile in part.tiles], part.findings)
            for split, part in listed.items()
        }


def natural(name: str) -> list[tuple[int, str]]:
    """Return the key by which names are sorted so that `tile_2` is before `tile_10`."""
    return [(int(part), "") if part.isdecimal() else (0, part) for part in re.split(r"([0-9]+)", name)]


def unpacked(folder: Path) -> Path:
    """Return the folder of an archive, which some tools unpack into a folder of the same name."""
    return folder / folder.name if (folder / folder.name).is_dir() else folder


def _same_size(image: Path, shape: tuple[int, ...], other: Path, found: tuple[int, ...]) -> None:
    if shape != found:
        raise DataError(
            f"Two files of a tile differ in size: {image} and {other}",
            got=f"{shape} and {found}",
            fix="download both again from the publisher",
        )
