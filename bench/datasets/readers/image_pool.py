"""Images without labels from several sources, for pre-training: folders of files, or datasets that we read."""

from __future__ import annotations

import hashlib
import os
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple, Self

from pydantic import Field, model_validator

from bench.config.validate import build
from bench.contract import Sample, Settings
from bench.datasets.card import DatasetCard, GroupKind
from bench.datasets.checks.merging import TOLERANCE
from bench.datasets.readers.captioned import checked_pattern
from bench.datasets.source import DatasetSource, Finding, open_source
from bench.datasets.tile_source import TileSource
from bench.errors import ConfigError, MissingError
from bench.formats.folders import IMAGE_SUFFIXES
from bench.imageio import read_rgb


class PoolPart(Settings):
    """One source of a pool: the images of a `folder`, or all splits of a `dataset` that `bench list` shows.

    `n` is the expected number of images. `group_pattern` is a regular expression whose first group, found in an
    image's path below the folder, is its slide or patient; without a match it is the path itself. `mpp` is in
    micrometres per pixel, by default the card's.
    """

    name: str = Field(pattern=r"^[\w.-]+$")
    folder: str = ""
    dataset: str = ""
    suffixes: tuple[str, ...] = IMAGE_SUFFIXES
    n: int | None = Field(default=None, gt=0)
    group_pattern: str = ""
    mpp: float | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if bool(self.folder) == bool(self.dataset):
            raise ValueError("a source of a pool is a `folder` or a `dataset`")
        return self


class PoolPlan(Settings):
    """The `extra` section of a pool's card."""

    sources: tuple[PoolPart, ...] = Field(min_length=1)


class _Place(NamedTuple):
    """The place of an image in a dataset: its split, and its number there."""

    split: str
    number: int


class ImagePool(TileSource):
    """All images of several sources in one split, `train`; the tissue of a sample is its source's name."""

    def __init__(self, card: DatasetCard, root: Path | None) -> None:
        super().__init__(card, root)
        self.plan = build(PoolPlan, card.extra, f"`extra` of the card {card.name!r}")
        names = [part.name for part in self.plan.sources]
        if card.splits != ("train",) or len(set(names)) != len(names):
            got = f"splits {', '.join(card.splits)}; sources {', '.join(names)}"
            fix = "write `splits: [train]` and name each source once"
            raise ConfigError(
                f"The pool {card.name} needs only the split train, and sources with different names",
                got=got,
                fix=fix,
            )
        for part in self.plan.sources:
            checked_pattern(card, part.group_pattern)

    @property
    def own_groups(self) -> GroupKind:
        """Single images, because the sources of a pool differ in what is known."""
        return "patch"

    def holds(self, folder: Path) -> bool:
        """Return whether a folder holds the folder of a source, or any of the datasets of a pool without folders."""
        folders = [part.folder for part in self.plan.sources if part.folder]
        return any((folder / name).is_dir() for name in folders) or not folders

    def ids(self, split: str) -> Sequence[str]:
        """Return the ids of all images: the source's name, and the path below its folder without suffix."""
        self.require_split(split)
        return self._ids

    def read(self, split: str, index: int) -> Sample:
        """Read one image; its labels and captions are left out."""
        self.require_split(split)
        part, inner = self._place(index)
        mpp = part.mpp or self.card.mpp
        if part.dataset:
            place = self._places[part.name][inner]
            sample = self._dataset(part).read(place.split, place.number)
            name, group = f"{part.name}/{sample.id}", f"{part.name}/{sample.group}"
            return Sample(name, sample.image, group, sample.mpp, tissue=part.name)
        name = self._listed[part.name][inner]
        image = read_rgb(self._folder(part) / name)
        return Sample(f"{part.name}/{_stem(name)}", image, _group(part, name), mpp, tissue=part.name)

    def image_file(self, split: str, index: int) -> Path | None:
        """Return the file of an image; None if its dataset does not keep it in one."""
        part, inner = self._place(index)
        if part.dataset:
            place = self._places[part.name][inner]
            return self._dataset(part).image_file(place.split, place.number)
        return self._folder(part) / self._listed[part.name][inner]

    def _place(self, index: int) -> tuple[PoolPart, int]:
        """Return the source of an image, and its place there."""
        position = bisect_right(self._ends, index)
        return self.plan.sources[position], index - (self._ends[position - 1] if position else 0)

    def files(self) -> list[Path]:
        """Return every image of the folders, and the files of the datasets."""
        own = [
            self._folder(part) / name for part in self.plan.sources if part.folder for name in self._listed[part.name]
        ]
        return own + [path for part in self.plan.sources if part.dataset for path in self._dataset(part).files()]

    def fingerprint(self) -> dict[str, Any]:
        """Return a hash per source of its files' names, sizes and times, or the fingerprint of a dataset."""
        return {
            part.name: self._dataset(part).fingerprint() if part.dataset else self._stats(part)
            for part in self.plan.sources
        }

    def notes(self) -> dict[str, Any]:
        """Return the number of images of each source."""
        return {"sources": {part.name: len(self._names(part)) for part in self.plan.sources}}

    def layout_findings(self, split: str) -> list[Finding]:
        """Return problems: sources without images, sources whose size differs from the card, and doubled ids."""
        findings = []
        for part in self.plan.sources:
            n = len(self._names(part))
            if n == 0:
                message = f"no image of the source {part.name}: looked for {', '.join(part.suffixes)}"
                findings.append(Finding("error", part.folder or part.dataset, message))
            elif part.n is not None and n != part.n:
                share = abs(n - part.n) / part.n
                wide = "" if share <= TOLERANCE else "; a paper that used it had other data"
                message = f"{n} images instead of the published {part.n} ({n - part.n:+d}, {share:.1%}){wide}"
                findings.append(Finding("warning", part.name, message))
            findings += _doubled(part, self._names(part))
        return findings

    def _names(self, part: PoolPart) -> Sequence[str]:
        if part.dataset:
            source = self._dataset(part)
            return [name for split in _real_splits(source) for name in source.ids(split)]
        return [_stem(name) for name in self._listed[part.name]]

    @cached_property
    def _ids(self) -> list[str]:
        return [f"{part.name}/{name}" for part in self.plan.sources for name in self._names(part)]

    @cached_property
    def _ends(self) -> list[int]:
        return list(accumulate(len(self._names(part)) for part in self.plan.sources))

    @cached_property
    def _listed(self) -> dict[str, list[str]]:
        """Paths of images below each source's folder, as text, because there may be hundreds of thousands."""
        found = {}
        for part in self.plan.sources:
            if part.folder:
                folder = self._folder(part)
                if not folder.is_dir():
                    raise MissingError(
                        f"The images of {part.name} are not at {folder}",
                        got="no such folder",
                        fix=f"put them there, or write a card that extends {self.card.name} with the sources you have; "
                        f"to get them: {self.card.how_to_get}",
                    )
                found[part.name] = sorted(_scan(str(folder), "", part.suffixes))
        return found

    @cached_property
    def _places(self) -> dict[str, list[_Place]]:
        places = {}
        for part in self.plan.sources:
            if part.dataset:
                source = self._dataset(part)
                splits = _real_splits(source)
                places[part.name] = [
                    _Place(split, index) for split in splits for index in range(len(source.ids(split)))
                ]
        return places

    def _dataset(self, part: PoolPart) -> DatasetSource:
        if part.name not in self._opened:
            self._opened[part.name] = open_source(part.dataset, self.root)
        return self._opened[part.name]

    @cached_property
    def _opened(self) -> dict[str, DatasetSource]:
        return {}

    def _folder(self, part: PoolPart) -> Path:
        return self._base / part.folder

    @cached_property
    def _base(self) -> Path:
        return self.locate()

    def _stats(self, part: PoolPart) -> dict[str, Any]:
        state, folder = hashlib.sha256(), self._folder(part)
        for name in self._listed[part.name]:
            stat = (folder / name).stat()
            state.update(f"{name}\0{stat.st_size}\0{stat.st_mtime_ns}\0".encode(errors="surrogateescape"))
        return {"n": len(self._listed[part.name]), "sha256": state.hexdigest()}


def _scan(folder: str, below: str, suffixes: tuple[str, ...]) -> Iterator[str]:
    """Return the paths of images below a folder; hidden files and links are skipped, so that no path leads outside."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from _scan(entry.path, f"{below}{entry.name}/", suffixes)
            elif entry.name.lower().endswith(suffixes) and entry.is_file(follow_symlinks=False):
                yield below + entry.name


def _real_splits(source: DatasetSource) -> list[str]:
    return [split for split in source.splits() if split != "fresh"]


def _doubled(part: PoolPart, names: Sequence[str]) -> list[Finding]:
    twice = sorted(name for name, n in Counter(names).items() if n > 1)
    return [Finding("error", f"{part.name}/{name}", "several files for one image") for name in twice]


def _stem(name: str) -> str:
    return name[: name.rindex(".")]


def _group(part: PoolPart, name: str) -> str:
    found = re.search(part.group_pattern, name) if part.group_pattern else None
    return f"{part.name}/{found[1] if found and found[1] else _stem(name)}"
