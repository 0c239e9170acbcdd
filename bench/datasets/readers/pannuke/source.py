"""PanNuke in its official layout: three folds of patches in arrays."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Self

from pydantic import model_validator

from bench.config.validate import build
from bench.contract import Sample, Settings
from bench.datasets.card import DatasetCard
from bench.datasets.checks.channel_order import bgr_findings
from bench.datasets.readers.pannuke.layout import FoldFiles, find_fold
from bench.datasets.readers.pannuke.masks import N_CLASSES, merge_channels
from bench.datasets.source import Finding, Tally
from bench.datasets.splits.by_card import divided
from bench.datasets.tile_source import TileSource, finding
from bench.errors import ConfigError, DataError
from bench.formats.patch_arrays import PatchArray, open_patches, rgb_pixels

FOLDS = (1, 2, 3)


class PanNukeSettings(Settings):
    """The `extra` section of PanNuke's cards.

    `folds` gives the official folds of each split; if it is empty, the card's `divide` divides all of them. `patches`
    are the published numbers of patches by fold, `tissues` those by tissue.
    """

    folds: Mapping[str, tuple[int, ...]] = {}
    patches: Mapping[int, int] = {}
    tissues: Mapping[str, int] = {}

    @model_validator(mode="after")
    def _once(self) -> Self:
        used = [fold for folds in self.folds.values() for fold in folds]
        if not set(used) <= set(FOLDS) or len(used) != len(set(used)):
            raise ValueError(f"each of the folds {FOLDS} belongs to one split at most")
        return self


@dataclass(frozen=True)
class Fold:
    """The arrays of a fold: images (n, h, w, 3), masks (n, h, w, 6) and tissue names; row i is patch i of each."""

    images: PatchArray
    masks: PatchArray
    tissues: tuple[str, ...]


class PanNuke(TileSource):
    """Sample `fold1-0000` is row 0 of fold 1's arrays.

    No slide or patient is published, so every patch is its own group, and patches of one slide may be on both sides
    of any division, even the official one, unless the card has a `group_map`.
    """

    maps_groups = True

    def __init__(self, card: DatasetCard, root: Path | None) -> None:
        super().__init__(card, root)
        self.settings = build(PanNukeSettings, card.extra, f"`extra` of the card {card.name!r}")
        if self.settings.folds and set(self.settings.folds) != set(card.splits):
            got = f"{', '.join(self.settings.folds)}; splits: {', '.join(card.splits)}"
            raise ConfigError(f"`extra.folds` of {card.name} does not name its splits", got=got)

    def holds(self, folder: Path) -> bool:
        """Return whether a folder holds any fold."""
        return any(find_fold(folder, fold).images is not None for fold in FOLDS)

    def files(self) -> list[Path]:
        """Return the arrays of every fold that is used."""
        return [path for files in self._files.values() for path in files if path is not None] + self.map_files()

    def ids(self, split: str) -> Sequence[str]:
        """Return the sample ids of a split by fold and row."""
        return [_name(fold, row) for fold, row in self._rows(split)]

    def read(self, split: str, index: int) -> Sample:
        """Read one patch."""
        fold, row = self._rows(split)[index]
        arrays, name = self._folds[fold], _name(fold, row)
        image = rgb_pixels(arrays.images[row], f"{name} of {arrays.images.path}")
        labels = merge_channels(arrays.masks[row], f"{name} of {arrays.masks.path}")
        tissue = arrays.tissues[row]
        return Sample(name, image, self._groups[name], self.card.mpp, labels.instances, labels.types, tissue=tissue)

    def inspect(self, split: str, index: int) -> Tally:
        """Read one patch; patches without nuclei are reported (the release has 343)."""
        tally = super().inspect(split, index)
        if tally.shape is None or tally.counts:
            return tally
        return replace(tally, findings=(*tally.findings, Finding("info", tally.id, "no nucleus is annotated")))

    def layout_findings(self, split: str) -> list[Finding]:
        """Return absent and broken folds and, once for all splits, differences from the release."""
        self.require_split(split)
        wanted = self.settings.folds.get(split, FOLDS)
        broken = [self._broken[fold] for fold in wanted if fold in self._broken]
        return broken + (self._odd if split == self.splits()[0] and not self._broken else [])

    def _rows(self, split: str) -> list[tuple[int, int]]:
        self.require_split(split)
        return self._splits[split]

    @cached_property
    def _splits(self) -> dict[str, list[tuple[int, int]]]:
        rows = {fold: [(fold, row) for row in range(len(arrays.tissues))] for fold, arrays in self._folds.items()}
        if self.settings.folds:
            return {
                split: [place for fold in folds for place in rows.get(fold, [])]
                for split, folds in self.settings.folds.items()
            }
        places = [place for fold in FOLDS for place in rows.get(fold, [])]
        if not places:
            return {split: [] for split in self.splits()}
        tissues = [self._folds[fold].tissues[row] for fold, row in places]
        parts = divided(self.card, [self._groups[_name(*place)] for place in places], tissues)
        return {split: [places[index] for index in indices] for split, indices in parts.items()}

    @cached_property
    def _groups(self) -> dict[str, str]:
        names = [_name(fold, row) for fold, arrays in self._folds.items() for row in range(len(arrays.tissues))]
        return dict(zip(names, self.grouped(names, names), strict=True))

    @cached_property
    def _files(self) -> dict[int, FoldFiles]:
        used = sorted(fold for folds in self.settings.folds.values() for fold in folds) or list(FOLDS)
        return {fold: find_fold(self.locate(), fold) for fold in used}

    @cached_property
    def _opened(self) -> tuple[dict[int, Fold], dict[int, Finding]]:
        folds: dict[int, Fold] = {}
        broken: dict[int, Finding] = {}
        for number, files in self._files.items():
            try:
                folds[number] = _open(number, files)
            except DataError as error:
                broken[number] = finding(f"fold {number}", error)
        return folds, broken

    @property
    def _folds(self) -> dict[int, Fold]:
        return self._opened[0]

    @property
    def _broken(self) -> dict[int, Finding]:
        return self._opened[1]

    @cached_property
    def _odd(self) -> list[Finding]:
        found = []
        if not self.settings.folds:  # the splits of official divisions have `expected` counts
            for fold, arrays in self._folds.items():
                found += _differs(f"fold {fold}", len(arrays.tissues), self.settings.patches.get(fold))
            tissues = Counter(tissue for arrays in self._folds.values() for tissue in arrays.tissues)
            for name in sorted({*tissues, *self.settings.tissues} if self.settings.tissues else ()):
                found += _differs(name, tissues[name], self.settings.tissues.get(name, 0))
        split = self.splits()[0]
        found += bgr_findings(partial(self.read, split), len(self._rows(split)), "images.npy")
        return found


def _differs(what: str, n: int, published: int | None) -> list[Finding]:
    if published is None or n == published:
        return []
    return [Finding("warning", what, f"{n} patches instead of the published {published}")]


def _name(fold: int, row: int) -> str:
    return f"fold{fold}-{row:04d}"


def _open(number: int, files: FoldFiles) -> Fold:
    if files.images is None or files.masks is None or files.types is None:
        lacking = [f"{name}.npy" for name, path in zip(files._fields, files, strict=True) if path is None]
        raise DataError(
            f"Fold {number} is not complete under Fold {number}/{{images,masks}}", got=f"no {', '.join(lacking)}"
        )
    images = open_patches(files.images, (None, None, 3), "uif", "RGB patches")
    masks = open_patches(files.masks, (None, None, N_CLASSES + 1), "uif", "masks")
    types = open_patches(files.types, (), "US", "tissue names")
    if images.shape[:3] != masks.shape[:3] or len(types) != len(images):
        got = f"images {images.shape}, masks {masks.shape}, types {types.shape}"
        raise DataError(f"The images, masks and types of fold {number} do not agree", got=got)
    tissues = tuple(str(name).strip() for name in types.all().astype(str))
    if "" in tissues:
        raise DataError(f"{files.types} does not have a tissue for every patch", got=f"none in row {tissues.index('')}")
    return Fold(images, masks, tissues)
