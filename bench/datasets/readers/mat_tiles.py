"""Datasets with CoNSeP's layout: `{Train,Test}/{Images,Labels}`, with an image and a `.mat` file per tile."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

import numpy as np

from bench.contract import Sample
from bench.datasets.card import DatasetCard
from bench.datasets.checks.look_alikes import look
from bench.datasets.checks.merging import ClassIds, State, decide_state, merge_classes, settle
from bench.datasets.looks import Look
from bench.datasets.source import Finding, Tally
from bench.datasets.tile_source import TileSource, finding
from bench.errors import DataError
from bench.formats.folders import inside, stem_of
from bench.formats.labels.canonical import centroids
from bench.formats.labels.mat import MatLabels, read_mat
from bench.formats.labels.plausible import Survey, survey
from bench.formats.parallel import ordered_map
from bench.imageio import read_labelled_rgb, read_picture, require_same_view

IMAGE_SUFFIXES = (".png", ".tif", ".tiff")


class Tile(NamedTuple):
    """The two files of a tile."""

    stem: str
    image: Path
    label: Path


class MatTiles(TileSource):
    """Base of CoNSeP and GLySAC; a subclass may define its groups."""

    maps_groups = True

    def __init__(self, card: DatasetCard, root: Path | None) -> None:
        super().__init__(card, root)
        self._states: dict[str, State] = {}
        self._lock = Lock()

    @staticmethod
    def group(stem: str) -> str:
        """Return the group of a tile; the tile itself unless a subclass knows its slide."""
        return stem

    def holds(self, folder: Path) -> bool:
        """Return whether a folder holds tiles of the training split."""
        return _holds_tiles(folder)

    def ids(self, split: str) -> Sequence[str]:
        """Return the stems of a split in natural order (train_2 before train_10)."""
        return [tile.stem for tile in self._tiles(split)]

    def image_file(self, split: str, index: int) -> Path | None:
        """Return the file of an image."""
        return self._tiles(split)[index].image

    def files(self) -> list[Path]:
        """Return every image and label of every split, including those without a partner."""
        found = [
            path for split in self.splits() for kind in ("images", "labels") for path in self._listing[split][kind]
        ]
        return found + self.map_files()

    def read(self, split: str, index: int) -> Sample:
        """Read one tile with its classes merged."""
        tile = self._tiles(split)[index]
        state = self.state(split)
        labels = read_mat(tile.label).labels
        image = read_labelled_rgb(tile.image, labels.instances.shape)
        _same_size(tile, image.shape[:2], labels.instances.shape)
        stored = ClassIds(labels.types, merged=state == "already")
        types = stored if stored.merged else merge_classes(stored, self.card.merging, str(tile.label))
        group, organ = self._groups[0][tile.stem], self.card.organ
        return Sample(tile.stem, image, group, self.card.mpp, labels.instances, types.ids, tissue=organ)

    def state(self, split: str) -> State:
        """Return whether the labels of a split are raw or merged already; decided once, from all its labels.

        Raises:
            DataError: a label is unreadable, or the labels do not decide it.
        """
        with self._lock:
            if split not in self._states:
                counts: Counter[int] = Counter()
                for labels in ordered_map(read_mat, [tile.label for tile in self._tiles(split)]):
                    counts.update(labels.labels.types.tolist())
                self._states[split] = decide_state(self.card, split, counts)
            return self._states[split]

    def notes(self) -> dict[str, Any]:
        """Return `classes_merged`: "already" or "raw", by split if splits differ."""
        states = {split: self.state(split) for split in self.splits()}
        same = len(set(states.values())) == 1
        return {"classes_merged": next(iter(states.values())) if same else states}

    def layout_findings(self, split: str) -> list[Finding]:
        """Return problems: images without a label, labels without an image, doubled stems and other files."""
        mapping = self._groups[1] if split == self.splits()[0] else []
        return self._pairing[split][1] + mapping

    def inspect(self, split: str, index: int) -> Tally:
        """Read image and label of one tile; each is checked even if the other is broken."""
        tile = self._tiles(split)[index]
        findings: list[Finding] = []
        shape: tuple[int, int] | None = None
        seen: Look | None = None
        counts: Mapping[int, int] = {}
        found: Survey | None = None
        try:
            picture = read_picture(tile.image)
            shape, seen = (picture.rgb.shape[0], picture.rgb.shape[1]), look(picture.rgb)
        except DataError as error:
            findings.append(finding(self._relative(tile.image), error))
        try:
            content = read_mat(tile.label)
            counts = Counter(content.labels.types.tolist())
            found = survey(content.labels.instances)
            if shape is not None:
                require_same_view(picture, content.labels.instances.shape, tile.image)
                _same_size(tile, shape, content.labels.instances.shape)
            findings.extend(self._centroid_finding(tile, content))
        except DataError as error:
            findings.append(finding(self._relative(tile.label), error))
        group = self._groups[0][tile.stem]
        return Tally(tile.stem, group, shape, counts, findings=tuple(findings), look=seen, survey=found)

    def settle(self, split: str, counts: Mapping[int, int]) -> dict[int, int]:
        """Return the merged counts of a whole split, whether its labels are raw or merged already."""
        with self._lock:
            self._states[split] = decide_state(self.card, split, counts)
        return settle(self.card, self._states[split], counts)

    def _tiles(self, split: str) -> list[Tile]:
        self.require_split(split)
        return self._pairing[split][0]

    @cached_property
    def _groups(self) -> tuple[dict[str, str], list[Finding]]:
        """The group of each tile, and the problem of the card's `group_map` if it has one that does not fit."""
        stems = [tile.stem for split in self.splits() for tile in self._tiles(split)]
        groups = [self.group(stem) for stem in stems]
        try:
            return dict(zip(stems, self.grouped(stems, groups), strict=True)), []
        except DataError as error:
            return dict(zip(stems, groups, strict=True)), [finding("group_map", error)]

    @cached_property
    def _listing(self) -> dict[str, dict[str, list[Path]]]:
        folders = {split: self.locate() / split.capitalize() for split in self.splits()}
        return {
            split: {kind.lower(): _files(folder / kind, self.root) for kind in ("Images", "Labels")}
            for split, folder in folders.items()
        }

    @cached_property
    def _pairing(self) -> dict[str, tuple[list[Tile], list[Finding]]]:
        return {split: self._pair(found["images"], found["labels"]) for split, found in self._listing.items()}

    def _pair(self, images: list[Path], labels: list[Path]) -> tuple[list[Tile], list[Finding]]:
        found: dict[str, tuple[list[Path], list[Path]]] = defaultdict(lambda: ([], []))
        findings = []
        for side, paths, suffixes in ((0, images, IMAGE_SUFFIXES), (1, labels, (".mat",))):
            for path in paths:
                if path.suffix.lower() in suffixes:
                    found[stem_of(path)][side].append(path)
                else:
                    findings.append(Finding("info", self._relative(path), f"ignored: not one of {', '.join(suffixes)}"))
        tiles = []
        for stem in sorted(found, key=_natural):
            image, label = found[stem]
            if len(image) == len(label) == 1:
                tiles.append(Tile(stem, image[0], label[0]))
            elif not label:
                findings.append(Finding("error", self._relative(image[0]), "an image without a label"))
            elif not image:
                findings.append(Finding("error", self._relative(label[0]), "a label without an image"))
            else:
                names = ", ".join(path.name for path in image + label)
                findings.append(Finding("error", self._relative(image[0]), f"several files for one tile: {names}"))
        return tiles, findings

    def _centroid_finding(self, tile: Tile, content: MatLabels) -> list[Finding]:
        # stored centroids are never used; their order (x, y) is a known trap for other readers
        if content.stored_centroids is None or not len(content.stored_centroids):
            return []
        apart = np.linalg.norm(content.stored_centroids - centroids(content.labels.instances), axis=1)
        if np.median(apart) <= 2.0:
            return []
        message = f"inst_centroid is {np.median(apart):.0f} px off (median): rows and columns swapped?"
        return [Finding("warning", self._relative(tile.label), message)]

    def _relative(self, path: Path) -> str:
        return path.relative_to(self.locate()).as_posix()


def _holds_tiles(folder: Path) -> bool:
    return (folder / "Train" / "Images").is_dir() and (folder / "Train" / "Labels").is_dir()


def _files(folder: Path, root: Path | None) -> list[Path]:
    if not folder.is_dir():
        return []
    # names that begin with a dot are a file browser's, not the dataset's
    found = [path for path in folder.iterdir() if path.is_file() and not path.name.startswith(".")]
    return sorted(inside(folder, path.name, root) if path.is_symlink() else path for path in found)


def _natural(stem: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", stem)]


def _same_size(tile: Tile, image: tuple[int, ...], label: tuple[int, ...]) -> None:
    if image != label:
        raise DataError(f"Image and label differ in size: {tile.image} and {tile.label}", got=f"{image} and {label}")
