"""CoNIC: patches of Lizard in two arrays, with a table of names and a table of counts."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from pydantic import Field

from bench.config.validate import build
from bench.contract import Sample, Settings
from bench.datasets.card import DatasetCard
from bench.datasets.checks.channel_order import bgr_findings
from bench.datasets.checks.look_alikes import look
from bench.datasets.source import Finding, Tally
from bench.datasets.splits.by_card import divided
from bench.datasets.tile_source import TileSource, finding
from bench.errors import DataError
from bench.formats.csv_tables import read_table
from bench.formats.labels.canonical import canonical_labels
from bench.formats.labels.plausible import survey
from bench.formats.patch_arrays import PatchArray, open_patches, rgb_pixels


class CoNICSettings(Settings):
    """The `extra` section of CoNIC's card: the number of patches, and the border in px that counts.csv leaves out."""

    patches: int = Field(default=0, ge=0)
    counts_border: int = Field(default=16, ge=0)


class Arrays(NamedTuple):
    """Images (n, h, w, 3), labels (n, h, w, 2) of instances and classes, and names; row i is patch i of each."""

    images: PatchArray
    labels: PatchArray
    names: tuple[str, ...]


class CoNIC(TileSource):
    """Sample ids are the names of patch_info.csv; a group is the image of Lizard that a patch was cut from."""

    def __init__(self, card: DatasetCard, root: Path | None) -> None:
        super().__init__(card, root)
        self.settings = build(CoNICSettings, card.extra, f"`extra` of the card {card.name!r}")

    def holds(self, folder: Path) -> bool:
        """Return whether a folder holds the two arrays."""
        return all((folder / name).is_file() for name in ("images.npy", "labels.npy"))

    def files(self) -> list[Path]:
        """Return the arrays and tables."""
        names = ("images.npy", "labels.npy", "counts.csv", "patch_info.csv")
        return [path for name in names if (path := self.locate() / name).is_file()]

    def ids(self, split: str) -> Sequence[str]:
        """Return the names of a split's patches, in the order of the arrays."""
        return [self._arrays.names[row] for row in self._rows(split)] if self._broken is None else []

    def read(self, split: str, index: int) -> Sample:
        """Read one patch."""
        images, labels, names = self._arrays
        row = self._rows(split)[index]
        name = names[row]
        image = rgb_pixels(images[row], f"{name} of {images.path}")
        maps = labels[row]
        found = canonical_labels(maps[..., 0], maps[..., 1], f"{name} of {labels.path}")
        if odd := sorted(set(found.types.tolist()) - set(self.card.classes)):
            raise DataError(f"{name} of {labels.path} has classes other than {sorted(self.card.classes)}", got=str(odd))
        return Sample(
            name, image, source_of_patch(name), self.card.mpp, found.instances, found.types, tissue=self.card.organ
        )

    def inspect(self, split: str, index: int) -> Tally:
        """Read one patch and compare it with counts.csv; patches without nuclei are reported (the release has 36)."""
        name = self.ids(split)[index]
        try:
            sample = self.read(split, index)
        except DataError as error:
            return Tally(name, source_of_patch(name), None, findings=(finding(name, error),))
        tally = _tally(sample)
        if not tally.counts:
            tally = replace(tally, findings=(Finding("info", name, "no nucleus is annotated"),))
        if self._counts is None:
            return tally
        published, found = self._counts[self._rows(split)[index]], self._central(sample)
        if found == published:
            return tally
        message = f"the centre holds {_by_name(found, self.card)}, counts.csv says {_by_name(published, self.card)}"
        return replace(tally, findings=(*tally.findings, Finding("warning", name, message)))

    def layout_findings(self, split: str) -> list[Finding]:
        """Return missing and broken files and, once for both splits, differences from the release."""
        self.require_split(split)
        if self._broken is not None:
            return [self._broken]
        return self._odd if split == self.splits()[0] else []

    def _rows(self, split: str) -> list[int]:
        self.require_split(split)
        return self._splits[split]

    @cached_property
    def _splits(self) -> dict[str, list[int]]:
        return divided(self.card, [source_of_patch(name) for name in self._arrays.names])

    @cached_property
    def _arrays(self) -> Arrays:
        folder = self.locate()
        images = open_patches(folder / "images.npy", (None, None, 3), "uif", "RGB patches")
        labels = open_patches(folder / "labels.npy", (None, None, 2), "uif", "instance and class maps")
        names = read_names(folder / "patch_info.csv")
        if images.shape[:3] != labels.shape[:3] or len(names) != len(images):
            got = f"images {images.shape}, labels {labels.shape}, {len(names)} names"
            raise DataError(f"The arrays and patch_info.csv of {folder} do not agree", got=got)
        return Arrays(images, labels, names)

    @cached_property
    def _broken(self) -> Finding | None:
        try:
            _ = self._arrays
        except DataError as error:
            return finding(".", error)
        return None

    @cached_property
    def _table(self) -> tuple[list[dict[int, int]] | None, Finding | None]:
        try:
            return read_counts(self.locate() / "counts.csv", self.card.classes, len(self._arrays.names)), None
        except DataError as error:
            return None, replace(finding("counts.csv", error), severity="warning")

    @property
    def _counts(self) -> list[dict[int, int]] | None:
        """Published numbers of nuclei in each patch's centre, by class id; None if the table cannot be used."""
        return self._table[0]

    @cached_property
    def _odd(self) -> list[Finding]:
        odd = [self._table[1]] if self._table[1] is not None else []
        n = len(self._arrays.names)
        if self.settings.patches and n != self.settings.patches:
            odd.append(
                Finding("warning", "images.npy", f"{n} patches instead of the published {self.settings.patches}")
            )
        split = self.splits()[0]
        return odd + bgr_findings(partial(self.read, split), len(self._rows(split)), "images.npy")

    def _central(self, sample: Sample) -> dict[int, int]:
        """Return the numbers of nuclei that reach into the centre (224 of 256 px per side), as in the challenge."""
        assert sample.instances is not None
        assert sample.types is not None
        border = self.settings.counts_border
        height, width = sample.instances.shape
        ids = np.unique(sample.instances[border : height - border, border : width - border])
        kinds = sample.types[ids[ids > 0] - 1]
        return {index: int((kinds == index).sum()) for index in sorted(self.card.classes)}


def source_of_patch(name: str) -> str:
    """Return the image of Lizard that a patch was cut from: its name up to the last dash.

    >>> source_of_patch("consep_1-0003")
    'consep_1'
    """
    return name.rpartition("-")[0] or name


def read_names(path: Path) -> tuple[str, ...]:
    """Return the names of patch_info.csv, `<source>-<number>`, in the order of the arrays.

    Raises:
        DataError: the file is not valid, or a name is doubled or does not end in a dash and a number.
    """
    names = tuple(read_table(path, "patch_info").rows)
    for row, name in enumerate(names):
        source, _, number = name.rpartition("-")
        if not source or not number.isdecimal():
            raise DataError(f"A name in {path} does not have the form <source>-<number>", got=f"{name!r} in row {row}")
    return names


def read_counts(path: Path, classes: Mapping[int, str], n: int) -> list[dict[int, int]]:
    """Return counts.csv as nuclei by class id, one row per patch; columns are found by name, and others are skipped.

    Raises:
        DataError: the file is unreadable, a class has no column, there are not `n` rows, or a cell is not a count.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as handle:
            lines = [[cell.strip() for cell in line] for line in csv.reader(handle) if line]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        got = "no such file" if isinstance(error, FileNotFoundError) else str(error)
        raise DataError(f"Cannot read the numbers of nuclei per class in {path}", got=got) from error
    header, rows = (lines[0], lines[1:]) if lines else ([], [])
    if lacking := [name for name in classes.values() if name not in header]:
        raise DataError(f"{path} does not have a column for each class", got=f"no {', '.join(lacking)}")
    if len(rows) != n:
        raise DataError(f"{path} does not have one row for each of {n} patches", got=f"{len(rows)}")
    columns = {index: header.index(name) for index, name in classes.items()}
    try:
        return [{index: int(row[column]) for index, column in columns.items()} for row in rows]
    except (ValueError, IndexError) as error:
        raise DataError(f"A cell of {path} is not a whole number", got=str(error)) from error


def _tally(sample: Sample) -> Tally:
    assert sample.types is not None
    assert sample.instances is not None
    kinds, counts = np.unique(sample.types, return_counts=True)
    height, width = sample.image.shape[:2]
    content = dict(zip(kinds.tolist(), counts.tolist(), strict=True))
    found = survey(sample.instances)
    return Tally(sample.id, sample.group, (height, width), content, look=look(sample.image), survey=found)


def _by_name(counts: Mapping[int, int], card: DatasetCard) -> str:
    return ", ".join(f"{n} {card.classes[index]}" for index, n in sorted(counts.items()))
