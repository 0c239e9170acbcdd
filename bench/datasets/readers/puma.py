"""PUMA: nuclei of ten classes in primary and metastatic melanoma, as GeoJSON (Schuiveling et al. 2025)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from bench.config.validate import build
from bench.contract import Settings
from bench.datasets.card import DatasetCard
from bench.datasets.readers.paired import WHOLE, Listing, PairedTiles, Tile, natural, unpacked
from bench.datasets.tile_source import finding
from bench.errors import DataError
from bench.formats.folders import by_stem
from bench.formats.labels import LabelMaps, read_labels

IMAGES, LABELS = "01_training_dataset_tif_ROIs", "01_training_dataset_geojson_nuclei"
_END = "_nuclei"


class PUMASettings(Settings):
    """The `extra` section of the card: the published number of tiles, and the tissue of names with a word in them."""

    tiles: int | None = None
    tissues: Mapping[str, str] = {}


class PUMA(PairedTiles):
    """PUMA in its official layout; a group is a tile, since it is not published which tiles share a patient."""

    def __init__(self, card: DatasetCard, root: Path | None) -> None:
        super().__init__(card, root)
        self.settings = build(PUMASettings, card.extra, f"`extra` of the card {card.name!r}")

    def holds(self, folder: Path) -> bool:
        """Return whether a folder holds the folder of the nuclei."""
        return (folder / LABELS).is_dir()

    def labels(self, tile: Tile, shape: tuple[int, int]) -> LabelMaps:
        """Return the nuclei of a tile's outlines, with the classes of their names."""
        return read_labels(tile.label, size=shape, names={name: index for index, name in self.card.raw_classes.items()})

    def list_tiles(self) -> Mapping[str, Listing]:
        """Return the tiles as one list."""
        root = self.locate()
        try:
            images = by_stem(unpacked(root / IMAGES), (".tif", ".tiff", ".png"), "images")
            found = by_stem(unpacked(root / LABELS), (".geojson", ".json"), "outlines of nuclei")
        except DataError as error:
            return {WHOLE: Listing([], [finding(".", error)])}
        labels = {stem.removesuffix(_END): path for stem, path in found.items()}
        stems, findings = self.pairs(images, labels)
        tiles = [
            Tile(stem, images[stem], labels[stem], stem, self._tissue(stem)) for stem in sorted(stems, key=natural)
        ]
        return {WHOLE: Listing(tiles, findings + self.published(len(tiles), self.settings.tiles))}

    def _tissue(self, stem: str) -> str | None:
        return next((tissue for word, tissue in self.settings.tissues.items() if word in stem), None)
