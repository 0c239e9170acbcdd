"""MoNuSeg 2018: nuclei without classes in tiles of nine organs, as Aperio XML (Kumar et al. 2020)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from bench.config.validate import build
from bench.contract import Settings
from bench.datasets.card import DatasetCard
from bench.datasets.readers.paired import Listing, PairedTiles, Tile, unpacked
from bench.datasets.source import Finding
from bench.datasets.tile_source import finding
from bench.errors import DataError
from bench.formats.folders import by_stem
from bench.formats.labels import LabelMaps, read_labels

TRAIN, TEST = "MoNuSeg 2018 Training Data", "MoNuSegTestData"
IMAGE_SUFFIXES = (".tif", ".tiff", ".png")
_PATIENT = re.compile(r"TCGA-[0-9A-Z]{2}-[0-9A-Z]{4}(?![0-9A-Z])", re.IGNORECASE)


class MoNuSegSettings(Settings):
    """The `extra` section of the card.

    `organs` lists the published training tiles of each organ. Other tiles in the training folder are left out, unless
    `published_only` is false.
    """

    published_only: bool = True
    organs: Mapping[str, tuple[str, ...]] = {}


class MoNuSeg(PairedTiles):
    """MoNuSeg in its official layout; groups are patients."""

    def __init__(self, card: DatasetCard, root: Path | None) -> None:
        super().__init__(card, root)
        self.settings = build(MoNuSegSettings, card.extra, f"`extra` of the card {card.name!r}")

    def holds(self, folder: Path) -> bool:
        """Return whether a folder holds the folder of either split."""
        return any((folder / name).is_dir() for name in (TRAIN, TEST))

    def labels(self, tile: Tile, shape: tuple[int, int]) -> LabelMaps:
        """Return the nuclei of a tile's outlines."""
        return read_labels(tile.label, size=shape)

    def list_tiles(self) -> Mapping[str, Listing]:
        """Return the tiles of both splits."""
        train = unpacked(self.locate() / TRAIN)
        test = unpacked(self.locate() / TEST)
        return {
            "train": self._published(self._scan(train / "Tissue Images", train / "Annotations")),
            "test": self._scan(test, test),
        }

    def _scan(self, images: Path, annotations: Path) -> Listing:
        try:
            found = by_stem(images, IMAGE_SUFFIXES, "images")
            labels = by_stem(annotations, (".xml",), "annotations")
        except DataError as error:
            return Listing([], [finding(self.relative(images), error)])
        stems, findings = self.pairs(found, labels)
        tiles = [
            Tile(stem, found[stem], labels[stem], stem[:12].upper(), self._organ(stem))
            for stem in sorted(stems)
            if _PATIENT.match(stem)
        ]
        message = "a name that does not begin with a patient (TCGA-XX-XXXX)"
        odd = [Finding("error", self.relative(found[stem]), message) for stem in stems if not _PATIENT.match(stem)]
        return Listing(tiles, findings + odd)

    def _published(self, listing: Listing) -> Listing:
        """Return the training tiles of the publication, and a finding about the others."""
        if not self.settings.published_only or not self.settings.organs:
            return listing
        others = [tile for tile in listing.tiles if tile.tissue is None]
        message = "not among the published training tiles: left out of training"
        findings = [*listing.findings, *(Finding("info", self.relative(tile.image), message) for tile in others)]
        return Listing([tile for tile in listing.tiles if tile.tissue is not None], findings)

    def _organ(self, stem: str) -> str | None:
        return next((organ for organ, stems in self.settings.organs.items() if stem in stems), None)
