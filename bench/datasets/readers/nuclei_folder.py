"""Any dataset of nuclei: a folder of images and one of labels, paired by stem, in any supported label format."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt8
from pydantic import Field

from bench.config.validate import build
from bench.contract import Sample, Settings
from bench.datasets.card import DatasetCard, GroupKind
from bench.datasets.checks.merging import ClassIds, merge_classes
from bench.datasets.checks.unknown_classes import UnknownClassError
from bench.datasets.source import Finding, Tally
from bench.datasets.splits.by_card import divided
from bench.datasets.tile_source import TileSource, finding
from bench.errors import ConfigError, DataError
from bench.formats.csv_tables import read_groups
from bench.formats.folders import IMAGE_SUFFIXES, by_stem
from bench.formats.labels import OUTLINE_SUFFIXES, LabelMaps, label_files, read_labels
from bench.imageio import read_picture, require_same_view


class NucleiPlan(Settings):
    """The `extra` section of such a dataset's card; folders are relative to the dataset's.

    `labels` may also name a COCO file of all images.

    `splits` gives the folder of each split, which holds the folders `images` and `labels`; if it is empty, these are
    in the dataset's folder and divided by the card's `divide`. `images` is None if label files hold the
    image too (HoVer-Net's patches). `typed` says whether nuclei have classes; if it is false, the card names none,
    classes in files are ignored, and networks learn to segment only. `groups` is a CSV file `stem,group` in the
    dataset's folder; without one every image is its own group.
    """

    images: str | None = "images"
    labels: str = "labels"
    splits: Mapping[str, str] = {}
    typed: bool = True
    groups: str | None = None
    suffixes: tuple[str, ...] = Field(default=IMAGE_SUFFIXES, min_length=1)


class Pair(NamedTuple):
    """The files of one image; `image` is None if the label file holds it."""

    stem: str
    image: Path | None
    label: Path


class Listing(NamedTuple):
    """The images of one split with their groups, and the problems of their files."""

    pairs: list[Pair]
    groups: list[str]
    findings: list[Finding]


class NucleiFolder(TileSource):
    """Images and labels paired by stem; the classes are the card's, merged if it says so."""

    def __init__(self, card: DatasetCard, root: Path | None) -> None:
        super().__init__(card, root)
        self.plan = build(NucleiPlan, card.extra, f"`extra` of the card {card.name!r}")
        _check(card, self.plan)

    @property
    def own_groups(self) -> GroupKind:
        """Slides if the card names a table of groups, otherwise single images."""
        return "tile" if self.plan.groups is None else "slide"

    def holds(self, folder: Path) -> bool:
        """Return whether a folder holds labels, or the folder of a split with labels."""
        places = self.plan.splits.values() or (".",)
        return any((folder / place / self.plan.labels).exists() for place in places)

    def ids(self, split: str) -> Sequence[str]:
        """Return the stems of a split's images, in order."""
        return [pair.stem for pair in self._listing(split).pairs]

    def read(self, split: str, index: int) -> Sample:
        """Read one image with its nuclei.

        Raises:
            DataError: a file is unreadable, the two differ in size, or a nucleus has no class or an unknown one.
        """
        listing = self._listing(split)
        pair = listing.pairs[index]
        if pair.image is None:
            maps = self._maps(pair, None)
            image = maps.image
        else:
            picture = read_picture(pair.image)
            image = picture.rgb
            maps = self._maps(pair, (image.shape[0], image.shape[1]))
            require_same_view(picture, maps.size, pair.image)
        if image is None:
            fix = "name the folder of images in the card: `extra: {images: images}`"
            raise DataError(f"{pair.label} does not hold an image with the labels", got="only labels", fix=fix)
        if image.shape[:2] != maps.instances.shape:
            raise DataError(
                f"Image and label differ in size: {pair.image} and {pair.label}",
                got=f"{image.shape[:2]} and {maps.instances.shape}",
                fix="write both at the same size",
            )
        types = self._types(maps, pair.label)
        group, organ = listing.groups[index], self.card.organ
        return Sample(pair.stem, image, group, self.card.mpp, maps.instances, types, tissue=organ)

    def inspect(self, split: str, index: int) -> Tally:
        """Read one image and count what was repaired, cut off or left out of outlines."""
        tally = super().inspect(split, index)
        pair = self._listing(split).pairs[index]
        if tally.shape is None or pair.label.suffix.lower() not in OUTLINE_SUFFIXES:
            return tally
        file = pair.label.relative_to(self.locate()).as_posix()
        notes = self._maps(pair, tally.shape).notes
        counted = [Finding("warning", file, f"{tally.id}: {n} {what}") for what, n in notes.items()]
        return replace(tally, findings=(*tally.findings, *counted))

    def image_file(self, split: str, index: int) -> Path | None:
        """Return the file of an image; None if the label file holds it."""
        return self._listing(split).pairs[index].image

    def files(self) -> list[Path]:
        """Return every image and label of all splits, and the table of groups."""
        table = [] if self.plan.groups is None else [self.locate() / self.plan.groups]
        table = [path for path in table if path.is_file()]  # else `layout_findings` reports it
        pairs = [pair for split in self.splits() for pair in self._listing(split).pairs]
        return table + sorted({path for pair in pairs for path in (pair.image, pair.label) if path is not None})

    def layout_findings(self, split: str) -> list[Finding]:
        """Return problems: images without a label, labels without an image and images without a group."""
        return self._listing(split).findings

    def _maps(self, pair: Pair, size: tuple[int, int] | None) -> LabelMaps:
        names = {name: index for index, name in self.card.classes.items()} if self.plan.typed else None
        return read_labels(pair.label, size=size, names=names, image=pair.stem)

    def _types(self, maps: LabelMaps, path: Path) -> UInt8[np.ndarray, " n"] | None:
        if not self.plan.typed:
            return None
        if maps.types is None:
            fix = "write classes with the ids, or remove `classes` from the card and set `extra: {typed: false}`"
            raise DataError(f"The nuclei in {path} have no classes", got="a format without classes", fix=fix)
        known = self.card.merging if self._is_raw() and not maps.names else self.card.classes
        if odd := sorted(set(maps.types.tolist()) - set(known)):
            names = ", ".join(f"{index} {self.card.classes[index]}" for index in sorted(self.card.classes))
            fix = (
                f"name every class in the card (it has {names}), or remove `classes` and set `extra: {{typed: false}}`"
            )
            raise UnknownClassError(str(path), odd, known, fix)
        if not self._is_raw() or maps.names:  # names are those of merged classes
            return maps.types
        return merge_classes(ClassIds(maps.types, merged=False), self.card.merging, str(path)).ids

    def _is_raw(self) -> bool:
        return bool(self.card.merging) and self.card.classes_merged == "raw"

    def _listing(self, split: str) -> Listing:
        self.require_split(split)
        return self._listings[split]

    @cached_property
    def _listings(self) -> dict[str, Listing]:
        folder = self.locate()
        if self.plan.splits:
            return {split: self._scan(folder / self.plan.splits[split]) for split in self.splits()}
        pairs, groups, findings = self._scan(folder)
        if not pairs:
            return {split: Listing([], [], findings) for split in self.splits()}
        # problems concern every split: none can be drawn from files that are not valid
        return {
            split: Listing([pairs[i] for i in indices], [groups[i] for i in indices], findings)
            for split, indices in divided(self.card, groups).items()
        }

    def _scan(self, folder: Path) -> Listing:
        try:
            labels = label_files(folder / self.plan.labels, "labels", self.root)
            images: Mapping[str, Path] = {}
            if self.plan.images is not None:
                images = by_stem(folder / self.plan.images, self.plan.suffixes, "images", self.root)
        except DataError as error:
            return Listing([], [], [finding(folder.relative_to(self.locate()).as_posix(), error)])
        if self.plan.images is None:
            pairs = [Pair(stem, None, path) for stem, path in labels.items()]
            findings = []
        else:
            pairs = [Pair(stem, path, labels[stem]) for stem, path in images.items() if stem in labels]
            unpaired = [(path, "an image without a label") for stem, path in images.items() if stem not in labels]
            unpaired += [
                (path, "a label without an image" + ("" if path.stem == stem else f": {stem}"))
                for stem, path in labels.items()
                if stem not in images
            ]
            findings = [Finding("error", path.relative_to(self.locate()).as_posix(), what) for path, what in unpaired]
        stems = [pair.stem for pair in pairs]
        try:
            groups = read_groups(None if self.plan.groups is None else self.locate() / self.plan.groups, stems)
        except DataError as error:
            groups = stems
            findings.append(finding(str(self.plan.groups), error))
        return Listing(pairs, groups, findings)


def _check(card: DatasetCard, plan: NucleiPlan) -> None:
    """Raise an error if a card is not complete.

    Raises:
        ConfigError: the folders are for other splits than the card's, or given together with `divide`; a path leads
            out of the dataset's folder; classes are missing; or the card does not say whether merging was done.
    """
    what = f"The card {card.name!r}"
    if plan.splits and (set(plan.splits) != set(card.splits) or card.divide is not None):
        divide = "no" if card.divide is None else "a"
        raise ConfigError(
            f"{what} needs one folder per split and no `divide`, or only `divide`",
            got=f"folders of {', '.join(plan.splits)}; splits {', '.join(card.splits)}; {divide} `divide`",
            fix="name every split in `extra.splits`, or leave it out and set `divide`",
        )
    for name in (plan.images, plan.labels, plan.groups, *plan.splits.values()):
        if name is not None and (Path(name).is_absolute() or ".." in Path(name).parts):
            raise ConfigError(f"{what} names a path outside of the dataset's folder", got=name)
    if plan.typed and not card.classes:
        raise ConfigError(
            f"{what} has no `classes`",
            got="none",
            fix="name the classes, or set `extra: {typed: false}`",
        )
    if not plan.typed and card.classes:
        raise ConfigError(
            f"{what} names `classes`, although it says that nuclei have none",
            got=f"`extra: {{typed: false}}` and classes {', '.join(card.class_names)}",
            fix="remove `classes`, `rare` and `merging` to train segmentation only, or remove `typed: false`",
        )
    if card.merging and card.classes_merged == "auto":
        raise ConfigError(
            f"{what} does not say whether the labels are merged already",
            got="only `merging`",
            fix="add `classes_merged: raw`, or `merged`: merging twice would mix classes",
        )
