"""Images sorted into folders by class: `<CLASS>/<file>`, with a folder per split or divided by group."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from bench.config.validate import build
from bench.contract import Sample, Settings
from bench.datasets.card import DatasetCard, GroupKind
from bench.datasets.source import Finding
from bench.datasets.splits.by_card import divided
from bench.datasets.tile_source import TileSource
from bench.errors import ConfigError, DataError, MissingError
from bench.formats.csv_tables import read_table, some
from bench.formats.folders import IMAGE_SUFFIXES, inside, stem_of, walk
from bench.imageio import read_rgb


class GroupTable(Settings):
    """A CSV file that names the slide or patient of every image, and the names of its columns.

    Files are named relative to the dataset's folder. `label` is checked against the folder of an image; it is empty
    if the table has no such column.
    """

    file: str = "groups.csv"
    image: str = "file_name"
    group: str = "group"
    label: str = ""


class FolderPlan(Settings):
    """The `extra` section of such a dataset's card.

    `splits` gives the folder of each split, with one folder per class in it; if it is empty, `images` holds the class
    folders of all images. `class_folders` maps names of folders to the card's `labels` if they differ.
    """

    images: str = "."
    splits: Mapping[str, str] = {}
    class_folders: Mapping[str, str] = {}
    suffixes: tuple[str, ...] = IMAGE_SUFFIXES
    groups: GroupTable | None = None


class Item(NamedTuple):
    """An image: its path below the dataset's folder without suffix is its id."""

    id: str
    path: Path
    group: str
    label: int


@dataclass(frozen=True)
class Listing:
    """The images of one split, and the problems of their files."""

    items: list[Item]
    findings: list[Finding]

    @cached_property
    def ids(self) -> list[str]:
        """Ids of the images, in order."""
        return [item.id for item in self.items]


class ImageFolder(TileSource):
    """Classes by folder. A class has the id of its *name* in the card's `labels`, whichever folders exist.

    The group is the file's stem unless a table gives another: images of one stem stay together.
    """

    def __init__(self, card: DatasetCard, root: Path | None) -> None:
        super().__init__(card, root)
        self.plan = build(FolderPlan, card.extra, f"`extra` of the card {card.name!r}")
        if self.plan.splits and (set(self.plan.splits) != set(card.splits) or card.divide is not None):
            divide = "no" if card.divide is None else "a"
            raise ConfigError(
                f"{card.name} needs one folder per split and no `divide`, or only `divide`",
                got=f"folders of {', '.join(self.plan.splits)}; splits {', '.join(card.splits)}; {divide} `divide`",
                fix="name every split in `extra.splits`, or leave it out and set `divide`",
            )
        if odd := set(self.plan.class_folders.values()) - set(card.labels):
            fix = f"use labels of the card: {', '.join(card.labels)}"
            raise ConfigError(
                f"`extra.class_folders` of {card.name} names classes that are not in `labels`",
                got=some(sorted(odd)),
                fix=fix,
            )

    @property
    def own_groups(self) -> GroupKind:
        """Slides if the card names a table of groups, otherwise single images."""
        return "patch" if self.plan.groups is None else "slide"

    def holds(self, folder: Path) -> bool:
        """Return whether a folder holds a split's folder, or a class's if there are no folders of splits."""
        if self.plan.splits:
            return any((folder / name).is_dir() for name in self.plan.splits.values())
        return any((folder / self.plan.images / name).is_dir() for name in self._label_of)

    def ids(self, split: str) -> Sequence[str]:
        """Return the ids of a split's images, class by class in the order of folders.

        Raises:
            MissingError: the split's folder does not exist, but another split's does.
        """
        return self._listing(split).ids

    def read(self, split: str, index: int) -> Sample:
        """Read one image with its class."""
        item = self.items(split)[index]
        image = read_rgb(item.path)
        return Sample(item.id, image, item.group, self.card.mpp, label=item.label, tissue=self.card.organ)

    def image_file(self, split: str, index: int) -> Path | None:
        """Return the file of an image."""
        return self.items(split)[index].path

    def files(self) -> list[Path]:
        """Return every image of the splits that exist, and the table of groups."""
        table = [] if self.plan.groups is None else [self._base / self.plan.groups.file]
        there = [split for split in self.splits() if not self.plan.splits or self._folder(split).is_dir()]
        return table + sorted(item.path for split in there for item in self.items(split))

    def notes(self) -> dict[str, Any]:
        """Return the origin of groups."""
        return {"groups": "file stem" if self.plan.groups is None else self.plan.groups.file}

    def layout_findings(self, split: str) -> list[Finding]:
        """Return problems: folders without a class, classes or rows without images, images without a class."""
        return self._listing(split).findings

    def items(self, split: str) -> list[Item]:
        """Return the images of a split."""
        return self._listing(split).items

    def _listing(self, split: str) -> Listing:
        self.require_split(split)
        if not self.plan.splits:
            return self._divided[split]
        if split not in self._by_folder:
            folder = self._folder(split)
            if not folder.is_dir():
                raise MissingError(
                    f"The {split} split of {self.card.title} is not at {folder}",
                    got="no such folder",
                    fix=f"put it there; to get it: {self.card.how_to_get}",
                )
            self._by_folder[split] = self._scan(folder)
        return self._by_folder[split]

    @cached_property
    def _by_folder(self) -> dict[str, Listing]:
        return {}

    @cached_property
    def _divided(self) -> dict[str, Listing]:
        whole = self._scan(self._base / self.plan.images)
        groups = [item.group for item in whole.items]
        labels = [self.card.labels[item.label] for item in whole.items]
        chosen = divided(self.card, groups, labels=labels)
        # problems concern every split: none can be drawn from files that are not valid
        return {split: Listing([whole.items[i] for i in indices], whole.findings) for split, indices in chosen.items()}

    def _folder(self, split: str) -> Path:
        return self._base / self.plan.splits[split]

    @cached_property
    def _base(self) -> Path:
        return self.locate()

    @cached_property
    def _label_of(self) -> dict[str, int]:
        renamed = self.plan.class_folders
        own = {name: index for index, name in enumerate(self.card.labels) if name not in renamed.values()}
        return own | {folder: self.card.labels.index(name) for folder, name in renamed.items()}

    def _scan(self, folder: Path) -> Listing:
        findings: list[Finding] = []
        found: list[Item] = []
        for path in sorted(path for path in folder.iterdir() if not path.name.startswith(".")):
            if not path.is_dir():
                if path.suffix.lower() in self.plan.suffixes:
                    findings.append(
                        Finding("error", self._relative(path), "an image outside of the folders of classes")
                    )
            elif path.is_symlink():
                findings.append(Finding("error", self._relative(path), "a link to a folder, which is not followed"))
            elif path.name in self._label_of:
                label = self._label_of[path.name]
                found += [self._item(image, label) for image in walk(path, self.plan.suffixes, self.root)]
            else:
                findings += self._unknown(path)
        items = list(self._unique(found, findings))
        if self.plan.groups is not None:
            items = self._grouped(items, self.plan.groups, folder, findings)
        present = Counter(item.label for item in items)
        for index, name in enumerate(self.card.labels):
            if not present[index]:
                message = f"no image of the class {name}: looked for {', '.join(self.plan.suffixes)}"
                findings.append(Finding("warning", self._relative(folder), message))
        return Listing(items, findings)

    def _item(self, path: Path, label: int) -> Item:
        return Item(self._relative(path).removesuffix(path.suffix), path, stem_of(path), label)

    def _unknown(self, path: Path) -> list[Finding]:
        n = len(walk(path, self.plan.suffixes, self.root))
        known = ", ".join(self._label_of)
        if n:
            return [
                Finding("error", self._relative(path), f"{n} images in a folder that is not a class (known: {known})")
            ]
        return [
            Finding(
                "info", self._relative(path), f"ignored: a folder that is not a class, without images (known: {known})"
            )
        ]

    def _unique(self, items: Iterable[Item], findings: list[Finding]) -> Iterable[Item]:
        by_id: dict[str, Item] = {}
        for item in items:
            first = by_id.setdefault(item.id, item)
            if first is not item:
                message = f"several files for one image: {first.path.name}, {item.path.name}"
                findings.append(Finding("error", self._relative(item.path), message))
        return by_id.values()

    def _grouped(self, items: list[Item], table: GroupTable, folder: Path, findings: list[Finding]) -> list[Item]:
        """Return the images with the groups of their rows; images that do not match are left out and listed."""
        columns = [table.group, table.label] if table.label else [table.group]
        rows = read_table(self._base / table.file, table.image, columns).rows
        by_path = {self._relative(item.path): item for item in items}
        kept = []
        for name, row in rows.items():
            item = by_path.pop(name, None)
            if item is None:
                findings += self._row_without_image(name, folder, table.file)
            elif not row[table.group]:
                findings.append(Finding("error", name, f"an image without a group in {table.file}"))
            elif table.label and row[table.label] not in self._names_of(item.label):
                message = f"{row[table.label]!r} in {table.file}, but in the folder of {self.card.labels[item.label]!r}"
                findings.append(Finding("error", name, message))
            else:
                kept.append(item._replace(group=row[table.group]))
        findings += [Finding("error", name, f"an image without a row in {table.file}") for name in by_path]
        return sorted(kept, key=lambda item: item.path)

    def _row_without_image(self, name: str, folder: Path, table: str) -> list[Finding]:
        try:
            path = inside(self._base, name)
        except DataError as error:
            return [Finding("error", table, f"{error.message}; got {error.got}")]
        # a row may be for an image of another split
        return [] if self.plan.splits and not path.is_relative_to(folder) else [_no_image(name, table)]

    def _names_of(self, label: int) -> set[str]:
        return {self.card.labels[label], *(folder for folder, index in self._label_of.items() if index == label)}

    def _relative(self, path: Path) -> str:
        # letters with accents in one form, as in the ids of tables
        return unicodedata.normalize("NFC", path.relative_to(self._base).as_posix())


def _no_image(name: str, table: str) -> Finding:
    return Finding("error", table, f"a row for {name}, which is not among the images of a class")
