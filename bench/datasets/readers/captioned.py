"""The base of sources of captioned images: everything that follows from a list of image names and captions."""

from __future__ import annotations

import os
import re
from abc import abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import numpy as np

from bench.contract import Sample, Settings
from bench.datasets.card import DatasetCard, GroupKind
from bench.datasets.source import Finding, Tally
from bench.datasets.splits.by_card import divided
from bench.datasets.tile_source import TileSource
from bench.errors import ConfigError, DataError
from bench.formats.csv_tables import read_table
from bench.formats.folders import inside, spelled
from bench.imageio import read_rgb


class CaptionPlan(Settings):
    """The keys that all cards of captioned images may have under `extra`.

    `images` is the folder that names of images are relative to, seen from the file of captions. `group_pattern` is a
    regular expression whose first group, found in an image's name, is its article or patient. `manifest` is a CSV
    file in the dataset's folder with a column `file` of ids; other images are left out.
    """

    images: str = "."
    group_pattern: str = ""
    manifest: str = ""


class Caption(NamedTuple):
    """A line of a dataset: an image's name as stored, its caption, and what else is known ("" if unknown)."""

    name: str
    text: str
    split: str = ""
    group: str = ""
    tissue: str = ""


class Item(NamedTuple):
    """A caption and its image, if the image exists; the image's name without suffix is its id."""

    id: str
    path: Path | None
    text: str
    group: str
    tissue: str


@dataclass(frozen=True)
class Listing:
    """The items of every split, their problems, and the number of lines that name another split."""

    splits: Mapping[str, list[Item]]
    findings: list[Finding]
    elsewhere: int


class Captioned(TileSource):
    """Images with captions; a caption without its image is text only, with an image of 0 x 0 pixels."""

    plan: CaptionPlan

    @abstractmethod
    def captions(self) -> list[Caption]:
        """Return all captions, in order.

        Raises:
            DataError: the file that holds them is not valid.
        """

    @abstractmethod
    def caption_file(self) -> Path:
        """Return the file that holds the captions."""

    @property
    def own_groups(self) -> GroupKind:
        """The articles that lines or names of images tell, otherwise single images."""
        return "article" if self.plan.group_pattern or self.names_group else "patch"

    @property
    def names_group(self) -> bool:
        """Whether the lines name their groups."""
        return False

    @property
    def names_split(self) -> bool:
        """Whether the lines name their splits."""
        return False

    def holds_manifest(self, folder: Path) -> bool:
        """Return whether a folder holds the manifest, or the card names none."""
        return not self.plan.manifest or (folder / self.plan.manifest).is_file()

    def ids(self, split: str) -> Sequence[str]:
        """Return the ids of a split, in the order of captions."""
        self.require_split(split)
        return self._ids[split]

    def items(self, split: str) -> list[Item]:
        """Return the captions of a split with their images."""
        self.require_split(split)
        return self._listing.splits[split]

    def read(self, split: str, index: int) -> Sample:
        """Read one caption and its image, if there is one."""
        item = self.items(split)[index]
        image = np.zeros((0, 0, 3), np.uint8) if item.path is None else read_rgb(item.path)
        tissue = item.tissue or self.card.organ
        return Sample(item.id, image, item.group, self.card.mpp, caption=item.text or None, tissue=tissue)

    def image_file(self, split: str, index: int) -> Path | None:
        """Return the file of an image; None for a caption without one."""
        return self.items(split)[index].path

    def inspect(self, split: str, index: int) -> Tally:
        """Read one caption and its image; text without an image has no size."""
        tally = super().inspect(split, index)
        return replace(tally, shape=None) if tally.shape == (0, 0) else tally

    def files(self) -> list[Path]:
        """Return the captions' file, the manifest, and every existing image."""
        manifest = [self.locate() / self.plan.manifest] if self.plan.manifest else []
        images = {item.path for split in self.splits() for item in self.items(split) if item.path is not None}
        return [self.caption_file(), *manifest, *sorted(images)]

    def notes(self) -> dict[str, Any]:
        """Return the numbers of images with captions, of captions or images only, and of lines of other splits."""
        counts = Counter(_kind(item) for split in self.splits() for item in self.items(split))
        notes = {kind: counts[kind] for kind in ("images with captions", "captions only", "images only")}
        return notes | ({"lines of other splits": self._listing.elsewhere} if self._listing.elsewhere else {})

    def layout_findings(self, split: str) -> list[Finding]:
        """Return problems: doubled names, names that lead outside, lines without image and caption, empty splits."""
        empty = [] if self.items(split) else [Finding("error", split, "no caption")]
        return self._listing.findings + empty

    def group(self, caption: Caption) -> str:
        """Return the group of a caption, from its line, else from its name, else the name itself."""
        found = re.search(self.plan.group_pattern, caption.name) if self.plan.group_pattern else None
        return caption.group or (found[1] if found else "") or _stem(caption.name)

    @cached_property
    def _ids(self) -> dict[str, list[str]]:
        return {split: [item.id for item in items] for split, items in self._listing.splits.items()}

    @cached_property
    def _listing(self) -> Listing:
        findings: list[Finding] = []
        items: list[Item] = []
        of_split: list[str] = []
        seen: dict[str, str] = {}
        repeated = 0
        folder = self.caption_file().parent / self.plan.images
        for caption in self._chosen():
            try:
                path = find_image(folder, caption.name, self.root)
            except DataError as error:
                findings.append(self._odd(f"{error.message}; got {error.got}"))
                continue
            name = _stem(caption.name)
            if seen.get(name) == caption.name:
                repeated += 1
            elif name in seen:
                findings.append(self._odd(f"{caption.name} and {seen[name]} have the same id"))
            elif path is None and not caption.text:
                findings.append(self._odd(f"{caption.name} has neither a caption nor an image"))
            else:
                items.append(Item(name, path, caption.text, self.group(caption), caption.tissue))
                of_split.append(caption.split)
            seen.setdefault(name, caption.name)
        if repeated:
            message = f"{repeated} lines repeat the name of another line: the first caption is kept"
            findings.append(Finding("warning", self.caption_file().name, message))
        chosen = self._divide(items, of_split)
        splits = {split: [items[index] for index in indices] for split, indices in chosen.items()}
        return Listing(splits, findings, len(items) - sum(len(chosen) for chosen in splits.values()))

    def _divide(self, items: list[Item], of_split: list[str]) -> Mapping[str, list[int]]:
        if self.names_split:
            return {split: [i for i, name in enumerate(of_split) if name == split] for split in self.splits()}
        groups = [item.group for item in items]
        return divided(self.card, groups, [item.tissue for item in items])

    def _chosen(self) -> list[Caption]:
        captions = self.captions()
        if not self.plan.manifest:
            return captions
        listed = read_table(self.locate() / self.plan.manifest, "file").rows
        kept = [caption for caption in captions if _stem(caption.name) in listed]
        if len(kept) != len(listed):
            got = f"{len(listed) - len(kept)} of {len(listed)} names that have no caption"
            fix = f"write it again from {self.caption_file().name}"
            raise DataError(f"{self.plan.manifest} names images that {self.card.name} does not have", got=got, fix=fix)
        return kept

    def _odd(self, message: str) -> Finding:
        return Finding("error", self.caption_file().name, message)


def find_image(folder: Path, name: str, root: Path | None = None) -> Path | None:
    """Return the path of an image that a list names, or None if it is absent; a link is followed inside `root`.

    Raises:
        DataError: the name is empty, absolute or leads outside the folder, or a link leads out of `root`.
    """
    parts = PurePosixPath(name)
    if not name or parts.is_absolute() or ".." in parts.parts or "\0" in name:
        fix = "name images by their paths in that folder"
        raise DataError(f"An image is not named by a path inside {folder}", got=repr(name), fix=fix)
    return inside(folder, name, root) if os.path.lexists(folder / spelled(folder, name)) else None


def checked_pattern(card: DatasetCard, pattern: str) -> None:
    """Raise an error if a `group_pattern` is not a regular expression with a group.

    Raises:
        ConfigError: it is not valid.
    """
    try:
        n_groups = re.compile(pattern).groups if pattern else 1
    except re.error as error:
        got = f"{pattern!r}: {error}"
        raise ConfigError(f"`group_pattern` of {card.name} is not a regular expression", got=got) from error
    if n_groups < 1:
        fix = "put the part that identifies the group in round brackets"
        raise ConfigError(f"`group_pattern` of {card.name} has no group", got=repr(pattern), fix=fix)


def _stem(name: str) -> str:
    return name.removesuffix(PurePosixPath(name).suffix)


def _kind(item: Item) -> str:
    if item.path is None:
        return "captions only"
    return "images with captions" if item.text else "images only"
