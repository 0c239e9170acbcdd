"""Lizard: nuclei of six classes in colon tissue of five sources (Graham et al. 2021)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from bench.config.validate import build
from bench.contract import Settings
from bench.datasets.card import DatasetCard
from bench.datasets.readers.paired import Listing, PairedTiles, Tile, natural
from bench.datasets.source import Finding
from bench.datasets.tile_source import finding
from bench.errors import DataError
from bench.formats.csv_tables import read_table, some
from bench.formats.folders import by_stem

IMAGE_FOLDERS = (("Lizard_Images1", "lizard_images1"), ("Lizard_Images2", "lizard_images2"))
LABEL_FOLDERS = ("Lizard_Labels", "lizard_labels")


class LizardSettings(Settings):
    """The `extra` section of the card: the published number of tiles, and the `Split` of info.csv of each split."""

    tiles: int | None = None
    splits: Mapping[str, tuple[int, ...]]


class Lizard(PairedTiles):
    """Lizard in its official layout; a group is a tile, since it is not published which tiles share a patient."""

    def __init__(self, card: DatasetCard, root: Path | None) -> None:
        super().__init__(card, root)
        self.settings = build(LizardSettings, card.extra, f"`extra` of the card {card.name!r}")

    def holds(self, folder: Path) -> bool:
        """Return whether a folder holds the folder of labels."""
        return _labels(folder) is not None

    def files(self) -> list[Path]:
        """Return every image and label, and info.csv."""
        table = self._folder / "info.csv"
        return super().files() + ([table] if table.is_file() else [])

    def list_tiles(self) -> Mapping[str, Listing]:
        """Return the tiles of each split, as info.csv divides them."""
        root = self.locate()
        try:
            images = _images(root)
            labels = by_stem(self._folder / "Labels", (".mat",), "labels")
            table = read_table(self._folder / "info.csv", "Filename", ["Split"])
        except DataError as error:
            return dict.fromkeys(self.splits(), Listing([], [finding(".", error)]))
        stems, findings = self.pairs(images, labels)
        of_tile = {Path(name).stem: row["Split"] for name, row in table.rows.items()}
        findings += self._table_findings(images, of_tile)
        tiles = [Tile(stem, images[stem], labels[stem], stem) for stem in sorted(stems, key=natural)]
        findings += self.published(len(tiles), self.settings.tiles)
        return {
            split: Listing([tile for tile in tiles if of_tile.get(tile.id) in set(map(str, numbers))], findings)
            for split, numbers in self.settings.splits.items()
        }

    def _table_findings(self, images: Mapping[str, Path], of_tile: Mapping[str, str]) -> list[Finding]:
        where = self.relative(self._folder / "info.csv")
        findings = []
        known = {str(number) for numbers in self.settings.splits.values() for number in numbers}
        if lacking := [stem for stem in images if stem not in of_tile]:
            findings.append(Finding("error", where, f"no split for {some(lacking)}"))
        if absent := [stem for stem in of_tile if stem not in images]:
            findings.append(Finding("error", where, f"no image of {some(absent)}"))
        if odd := sorted(set(of_tile.values()) - known):
            findings.append(Finding("error", where, f"splits other than {', '.join(sorted(known))}: {some(odd)}"))
        return findings

    @property
    def _folder(self) -> Path:
        folder = _labels(self.locate())
        assert folder is not None, "a located folder holds labels"
        return folder


def _images(root: Path) -> dict[str, Path]:
    """Return the images of both folders by stem.

    Raises:
        DataError: a folder is missing or empty, or both have an image of the same name.
    """
    parts = [by_stem(_unpacked(root, names) or root / names[0], (".png",), "images") for names in IMAGE_FOLDERS]
    seen = Counter(stem for part in parts for stem in part)
    if twice := [stem for stem, n in seen.items() if n > 1]:
        raise DataError("An image is in both folders of images", got=some(twice), fix="keep one of the two files")
    return {stem: path for part in parts for stem, path in part.items()}


def _labels(root: Path) -> Path | None:
    found = _unpacked(root, LABEL_FOLDERS)
    return found if found is not None and (found / "Labels").is_dir() else None


def _unpacked(root: Path, names: tuple[str, str]) -> Path | None:
    """Return the folder of an archive, which some tools unpack into a folder of the archive's own name."""
    official, archive = names
    places = (root / archive / official, root / official, root / archive)
    return next((place for place in places if place.is_dir()), None)
