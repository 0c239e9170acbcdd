"""The base of sources: everything that follows from reading one tile."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from bench.contract import Sample
from bench.datasets.card import NO_CLASS, DatasetCard, GroupKind
from bench.datasets.checks.look_alikes import look
from bench.datasets.checks.unknown_classes import UnknownClassError, over_all
from bench.datasets.source import Finding, Tally, find_folder, missing
from bench.errors import ConfigError, DataError
from bench.formats.csv_tables import read_table, some
from bench.formats.folders import inside
from bench.formats.labels.plausible import survey
from bench.formats.parallel import ordered_map


class TileSource(ABC):
    """A `DatasetSource` whose tiles are read one by one.

    A reader that calls `grouped` sets `maps_groups`, so that cards may have a `group_map`.
    """

    maps_groups: ClassVar[bool] = False

    def __init__(self, card: DatasetCard, root: Path | None) -> None:
        self.card = card
        self.root = root
        if card.group_map is not None and not self.maps_groups:
            raise ConfigError(
                f"The reader of {card.name} does not read a `group_map`",
                got=f"source: {card.source}",
                fix="leave out `group_map`; nuclei-folder and image-folder read a table of groups, `extra.groups`",
            )

    @property
    def own_groups(self) -> GroupKind | None:
        """What a group is if the card does not say it; None if the reader cannot know."""
        return None

    @property
    def group_kind(self) -> GroupKind:
        """What a group is, as the card or else the reader says.

        Raises:
            ConfigError: neither of them says it.
        """
        kind = self.card.groups or self.own_groups
        if kind is None:
            raise ConfigError(
                f"The card of {self.card.name} does not say what a group of samples is",
                got="no `groups`",
                fix="write `groups: slide`, patient, article, tile or patch; intervals are over groups",
            )
        return kind

    def holds(self, folder: Path) -> bool:
        """Return whether a folder looks like this dataset's, judged only by names."""
        return True

    def locate(self) -> Path:
        """Return the dataset's folder: one of the card's `folders` under the data root, or the root itself.

        Raises:
            MissingError: none of them looks like this dataset's.
        """
        found = find_folder(self.root, self.card.folders or (self.card.name,), self.holds)
        if found is None:
            raise missing(self.card, self.root)
        return found

    @abstractmethod
    def ids(self, split: str) -> Sequence[str]:
        """Return the sample ids of a split, in order."""

    @abstractmethod
    def read(self, split: str, index: int) -> Sample:
        """Read one tile in canonical form."""

    def image_file(self, split: str, index: int) -> Path | None:
        """Return None: images have no files of their own, unless a reader says otherwise."""
        return None

    def files(self) -> list[Path]:
        """Return every file that the data depends on."""
        return []

    def fingerprint(self) -> dict[str, Any]:
        """Return name, size and modification time of every file."""
        folder = self.locate()
        stats = [(path, path.stat()) for path in self.files()]
        return {"files": [[path.relative_to(folder).as_posix(), s.st_size, s.st_mtime_ns] for path, s in stats]}

    def splits(self) -> tuple[str, ...]:
        """Return the splits that the card names."""
        return self.card.splits

    def samples(self, split: str, places: Sequence[int] | None = None) -> Iterator[Sample]:
        """Yield the tiles of a split, in order, reading a few ahead.

        Args:
            split: the split.
            places: the tiles to read, by their places in the split; all of them by default.

        Raises:
            DataError: `layout_findings` holds an error, a tile cannot be read, or labels have classes that the card
                does not have: these are counted over all tiles.
        """
        errors = [item for item in self.layout_findings(split) if item.severity == "error"]
        if errors:
            more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
            raise DataError(
                f"The {split} split under {self.locate()} is not complete",
                got=f"{errors[0].file}: {errors[0].message}{more}",
                fix=f"fix the errors that `bench data verify {self.card.name}` lists",
            )
        return self._read_all(split, range(len(self.ids(split))) if places is None else places)

    def _read_all(self, split: str, places: Sequence[int]) -> Iterator[Sample]:
        try:
            yield from ordered_map(partial(self.read, split), places)
        except UnknownClassError as error:
            raise over_all(error, places, partial(self.read, split)) from error

    def grouped(self, ids: Sequence[str], groups: Sequence[str]) -> list[str]:
        """Return the group of every tile of the dataset: by the card's `group_map` if it has one, else as given.

        Raises:
            DataError: the map lacks a tile, or names one that the dataset does not have.
        """
        given = self.card.group_map
        if given is None:
            return list(groups)
        if isinstance(given, str):
            rows = read_table(inside(self.locate(), given), "tile", ["group"]).rows
            given = {tile: row["group"] for tile, row in rows.items()}
        known = set(ids)
        unknown = [tile for tile in given if tile not in known]
        lacking = [tile for tile in ids if not given.get(tile)]
        if unknown or lacking:
            found = [f"no group for {some(lacking)}"] if lacking else []
            found += [f"no such tile: {some(unknown)}"] if unknown else []
            raise DataError(
                f"`group_map` of {self.card.name} does not name the group of each tile once",
                got="; ".join(found),
                fix="give one line `tile,group` for every tile of all splits, and no other",
            )
        return [given[tile] for tile in ids]

    def map_files(self) -> list[Path]:
        """Return the file of the card's `group_map`, if it is one."""
        given = self.card.group_map
        return [inside(self.locate(), given)] if isinstance(given, str) else []

    def notes(self) -> dict[str, Any]:
        """Return no notes."""
        return {}

    def left_out(self, split: str) -> int:
        """Return 0: every tile is a sample."""
        return 0

    def layout_findings(self, split: str) -> list[Finding]:
        """Return no findings."""
        return []

    def inspect(self, split: str, index: int) -> Tally:
        """Read one tile and return its content, or its problems."""
        name = self.ids(split)[index]
        try:
            sample = self.read(split, index)
        except DataError as error:
            return Tally(name, "", None, findings=(finding(name, error),))
        height, width = sample.image.shape[:2]
        counts = Counter() if sample.types is None else Counter(sample.types.tolist())
        if sample.types is None and sample.instances is not None:
            counts[NO_CLASS] = int(sample.instances.max(initial=0))
        found = None if sample.instances is None else survey(sample.instances)
        shape, seen = (height, width), look(sample.image)
        return Tally(name, sample.group, shape, counts, sample.label, look=seen, survey=found)

    def settle(self, split: str, counts: Mapping[int, int]) -> dict[int, int]:
        """Return the counts, with zero for each absent class."""
        known = sorted(self.card.classes) or ([NO_CLASS] if self.card.task == "nuclei" else [])
        if odd := sorted(set(counts) - set(known)):
            raise DataError(f"The {split} split has class ids other than {known}", got=str(odd))
        return {index: counts.get(index, 0) for index in known}

    def require_split(self, split: str) -> None:
        """Raise an error if the dataset does not have a split.

        Raises:
            ConfigError: the dataset does not have it.
        """
        if split not in self.splits():
            raise ConfigError(
                f"{self.card.name} has no such split",
                got=repr(split),
                fix=f"use one of: {', '.join(self.splits())}",
            )


def finding(file: str, error: DataError) -> Finding:
    """Return an error as a finding about a file."""
    if isinstance(error, UnknownClassError):
        return Finding("error", file, error.brief)
    return Finding("error", file, f"{error.message}; got {error.got}" if error.got else error.message)
