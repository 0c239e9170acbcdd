"""NuInsSeg: nuclei without classes in 31 organs of humans and mice (Mahbod et al. 2024)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from bench.config.validate import build
from bench.contract import Settings
from bench.datasets.card import DatasetCard
from bench.datasets.readers.paired import WHOLE, Listing, PairedTiles, Tile, natural
from bench.datasets.source import Finding
from bench.datasets.tile_source import finding
from bench.errors import DataError
from bench.formats.folders import by_stem

IMAGES, LABELS, VAGUE = "tissue images", "label masks modify", "vague areas"


class NuInsSegSettings(Settings):
    """The `extra` section of the card.

    `tiles` is the published number. `vague` lists the names that the folder of masks inside `vague areas` has in
    copies of the dataset; pixels of these areas are not counted. It is empty if they are to be counted.
    """

    tiles: int | None = None
    vague: tuple[str, ...] = ("mask binary", "mask binary_vague")


class NuInsSeg(PairedTiles):
    """NuInsSeg in its official layout; a group is the folder of an organ, which is one slide."""

    def __init__(self, card: DatasetCard, root: Path | None) -> None:
        super().__init__(card, root)
        self.settings = build(NuInsSegSettings, card.extra, f"`extra` of the card {card.name!r}")

    def holds(self, folder: Path) -> bool:
        """Return whether a folder holds the folder of an organ."""
        return bool(_organs(folder))

    def list_tiles(self) -> Mapping[str, Listing]:
        """Return the tiles of all organs as one list."""
        tiles: list[Tile] = []
        findings: list[Finding] = []
        for organ in _organs(self.locate()):
            try:
                images = by_stem(organ / IMAGES, (".png",), "images")
                labels = by_stem(organ / LABELS, (".tif", ".tiff"), "labels")
            except DataError as error:
                findings.append(finding(self.relative(organ), error))
                continue
            stems, odd = self.pairs(images, labels)
            vague, unmarked = self._vague(organ, stems)
            findings += odd + unmarked
            tiles += [
                Tile(stem, images[stem], labels[stem], organ.name, organ.name, vague.get(stem))
                for stem in sorted(stems, key=natural)
            ]
        return {WHOLE: Listing(tiles, findings + self.published(len(tiles), self.settings.tiles))}

    def _vague(self, organ: Path, stems: list[str]) -> tuple[Mapping[str, Path], list[Finding]]:
        """Return the masks of vague areas by stem, and a finding about every tile without one."""
        if not self.settings.vague:
            return {}, []
        folder = next((organ / VAGUE / name for name in self.settings.vague if (organ / VAGUE / name).is_dir()), None)
        try:
            masks = {} if folder is None else by_stem(folder, (".png", ".tif", ".tiff"), "masks of vague areas")
        except DataError as error:
            return {}, [finding(self.relative(organ), error)]
        lacking = [stem for stem in stems if stem not in masks]
        message = "no mask of vague areas: every pixel is counted"
        return masks, [Finding("warning", f"{self.relative(organ)}/{stem}", message) for stem in lacking]


def _organs(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if (path / IMAGES).is_dir()) if folder.is_dir() else []
