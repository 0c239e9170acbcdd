"""MoNuSAC 2020: nuclei of four classes in four organs, as images of many sizes and Aperio XML (Verma et al. 2021)."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from jaxtyping import Bool, UInt8

from bench.config.validate import build
from bench.contract import Sample, Settings
from bench.datasets.card import DatasetCard
from bench.datasets.checks.look_alikes import look
from bench.datasets.source import Finding, Tally
from bench.datasets.tile_source import TileSource, finding
from bench.errors import DataError
from bench.formats.aperio import Region, read_regions
from bench.formats.folders import stem_of, walk
from bench.formats.labels.canonical import NucleusLabels, contiguous
from bench.formats.labels.plausible import survey
from bench.formats.outlines import Fill, covered, crosses_itself
from bench.formats.svs import read_svs
from bench.imageio import read_labelled_rgb

SPLIT_FOLDERS = {"train": "MoNuSAC_images_and_annotations", "test": "MoNuSAC Testing Data and Annotations"}
IMAGE_SUFFIXES = (".tif", ".tiff", ".svs")  # the first that exists is read
LABEL_SUFFIX = ".xml"

_PATIENT = re.compile(r"TCGA-[0-9A-Z]{2}-[0-9A-Z]{4}(?![0-9A-Z])", re.IGNORECASE)


class MoNuSACSettings(Settings):
    """The `extra` section of the card.

    `drop_shared_patients` leaves patients in both splits out of training. `crossing` says how an outline
    that crosses itself is filled, or that it is an error. `ignored` names the annotations that no metric may count.
    `organs` lists the patients of each organ.
    """

    drop_shared_patients: bool = True
    crossing: Literal["nonzero", "even-odd", "refuse"] = "nonzero"
    ignored: tuple[str, ...] = ("Ambiguous",)
    organs: Mapping[str, tuple[str, ...]] = {}


class Tile(NamedTuple):
    """The two files of a tile, and its patient."""

    stem: str
    patient: str
    image: Path
    label: Path


@dataclass(frozen=True)
class Drawn:
    """The nuclei of a tile's outlines, its ignored pixels (None if there are none), and its problems."""

    labels: NucleusLabels
    ignore: Bool[np.ndarray, "h w"] | None
    odd: Counter[str]


class MoNuSAC(TileSource):
    """MoNuSAC in its official layout; groups are patients, classes are mapped by name."""

    def __init__(self, card: DatasetCard, root: Path | None) -> None:
        super().__init__(card, root)
        self.settings = build(MoNuSACSettings, card.extra, f"`extra` of the card {card.name!r}")

    def holds(self, folder: Path) -> bool:
        """Return whether a folder holds either split."""
        return any((folder / name).is_dir() for name in SPLIT_FOLDERS.values())

    def ids(self, split: str) -> Sequence[str]:
        """Return the stems of a split's tiles, in order."""
        return [tile.stem for tile in self._tiles(split)]

    def image_file(self, split: str, index: int) -> Path | None:
        """Return the file of an image."""
        return self._tiles(split)[index].image

    def files(self) -> list[Path]:
        """Return every image and annotation of both splits."""
        return [path for split in self.splits() for path in self._listing[split]]

    def read(self, split: str, index: int) -> Sample:
        """Read one tile; nuclei are numbered in document order."""
        tile = self._tiles(split)[index]
        image = _read_image(tile.image)
        drawn = self._draw(tile.label, image.shape[:2])
        labels, organ = drawn.labels, self._organs.get(tile.patient)
        return Sample(
            id=tile.stem,
            image=image,
            group=tile.patient,
            mpp=self.card.mpp,
            instances=labels.instances,
            types=labels.types,
            tissue=organ,
            ignore=drawn.ignore,
        )

    def notes(self) -> dict[str, Any]:
        """Return the patients in both splits with their numbers of training tiles, and whether those are left out."""
        key = "dropped_from_train" if self.settings.drop_shared_patients else "in_both_splits"
        return {"crossing_outlines": self.settings.crossing, key: dict(sorted(self._shared.items()))}

    def left_out(self, split: str) -> int:
        """Return the number of training tiles that are dropped because their patients are in both splits."""
        return self._shared.total() if split == "train" and self.settings.drop_shared_patients else 0

    def layout_findings(self, split: str) -> list[Finding]:
        """Return problems: unpaired files, unknown names, images read from slides, and patients in both splits."""
        self.require_split(split)
        findings = list(self._pairing[split][1])
        # a patient who is kept is reported by verification as a group in two splits
        if split == "train" and self.settings.drop_shared_patients:
            for patient, n in sorted(self._shared.items()):
                message = f"this patient is in both splits: {n} tiles are left out of training"
                findings.append(Finding("info", patient, message))
        return findings

    def inspect(self, split: str, index: int) -> Tally:
        """Read one tile and count the problems of its outlines."""
        tile = self._tiles(split)[index]
        try:
            image = _read_image(tile.image)
        except DataError as error:
            return Tally(tile.stem, tile.patient, None, findings=(finding(self._relative(tile.image), error),))
        shape, seen = (image.shape[0], image.shape[1]), look(image)
        try:
            drawn = self._draw(tile.label, shape)
        except DataError as error:
            return Tally(
                tile.stem, tile.patient, shape, findings=(finding(self._relative(tile.label), error),), look=seen
            )
        odd = [Finding("warning", self._relative(tile.label), f"{n} {what}") for what, n in sorted(drawn.odd.items())]
        counts, found = Counter(drawn.labels.types.tolist()), survey(drawn.labels.instances)
        return Tally(tile.stem, tile.patient, shape, counts, findings=tuple(odd), look=seen, survey=found)

    def _draw(self, path: Path, shape: tuple[int, ...]) -> Drawn:
        regions = read_regions(path)
        if unnamed := sum(not region.name for region in regions):
            fix = "download the annotation again from its publisher"
            raise DataError(f"An outline in {path} has no class name", got=f"{unnamed} without a name", fix=fix)
        ids = {_folded(name): index for index, name in self.card.classes.items()}
        ids |= dict.fromkeys(map(_folded, self.settings.ignored), 0)
        if odd := sorted(
            {region.name[:40] for region in regions} - {r.name for r in regions if _folded(r.name) in ids}
        ):
            fix = "map the name in the dataset's card: under `classes`, or under `ignored` of its `extra`"
            known = [*self.card.class_names, *self.settings.ignored]
            raise DataError(
                f"{path} has outlines of classes other than {', '.join(known)}", got=", ".join(odd), fix=fix
            )
        return draw(regions, [ids[_folded(region.name)] for region in regions], shape, self.settings.crossing, path)

    def _tiles(self, split: str) -> list[Tile]:
        self.require_split(split)
        tiles = self._pairing[split][0]
        if split != "train" or not self.settings.drop_shared_patients:
            return tiles
        return [tile for tile in tiles if tile.patient not in self._shared]

    @cached_property
    def _organs(self) -> dict[str, str]:
        return {patient: organ for organ, patients in self.settings.organs.items() for patient in patients}

    @cached_property
    def _shared(self) -> Counter[str]:
        """The number of training tiles of each patient who is also in the test split."""
        held_out = {tile.patient for tile in self._pairing["test"][0]}
        return Counter(tile.patient for tile in self._pairing["train"][0] if tile.patient in held_out)

    @cached_property
    def _listing(self) -> dict[str, list[Path]]:
        folder = self.locate()
        return {
            split: walk(folder / SPLIT_FOLDERS[split], (*IMAGE_SUFFIXES, LABEL_SUFFIX), self.root)
            for split in self.splits()
        }

    @cached_property
    def _pairing(self) -> dict[str, tuple[list[Tile], list[Finding]]]:
        return {split: self._pair(paths) for split, paths in self._listing.items()}

    def _pair(self, paths: Sequence[Path]) -> tuple[list[Tile], list[Finding]]:
        found: dict[str, dict[str, list[Path]]] = defaultdict(lambda: defaultdict(list))
        for path in paths:
            found[stem_of(path)][path.suffix.lower()].append(path)
        tiles, findings = [], []
        for stem in sorted(found, key=_natural):
            files = found[stem]
            first = next(iter(files.values()))[0]
            images = next((files[suffix] for suffix in IMAGE_SUFFIXES if suffix in files), [])
            labels = files.get(LABEL_SUFFIX, [])
            problem = _problem(stem, files, images, labels)
            if problem:
                findings.append(Finding("error", self._relative(first), problem))
                continue
            if images[0].suffix.lower() == ".svs":
                findings.append(Finding("info", self._relative(images[0]), "no .tif: the slide is read instead"))
            tiles.append(Tile(stem, stem[:12].upper(), images[0], labels[0]))
        return tiles, findings

    def _relative(self, path: Path) -> str:
        return path.relative_to(self.locate()).as_posix()


def draw(regions: Sequence[Region], classes: Sequence[int], shape: tuple[int, ...], crossing: str, path: Path) -> Drawn:
    """Return the nuclei of outlines filled in document order: where two overlap, the later covers the earlier.

    Args:
        regions: outlines.
        classes: class of each; 0 for pixels that no metric may count, which make no nucleus and cover none.
        shape: rows and columns of the image.
        crossing: `nonzero`, `even-odd`, or `refuse` for outlines that cross themselves.
        path: the file, for errors.

    Raises:
        DataError: an outline crosses itself and `crossing` is `refuse`.
    """
    height, width = shape[:2]
    instances = np.zeros((height, width), np.int32)
    ignore = np.zeros((height, width), bool)
    kinds, odd = [0], Counter[str]()
    fill: Fill = "even-odd" if crossing == "even-odd" else "nonzero"
    for region, kind in zip(regions, classes, strict=True):
        if len(np.unique(region.vertices, axis=0)) < 3:
            odd["outlines of fewer than 3 vertices left out"] += 1
            continue
        if crosses_itself(region.vertices):
            if crossing == "refuse":
                raise DataError(
                    f"An outline in {path} crosses itself",
                    got=f"outline {len(kinds)}, a {region.name[:40]}",
                    fix="correct it, or set `crossing: nonzero` in `extra` of the dataset's card",
                )
            odd[f"outlines that cross themselves, filled by the {fill} rule"] += 1
        mask, window = covered(region.vertices, (height, width), fill)
        if not mask.any():
            odd["outlines that cover no pixel of the image left out"] += 1
        elif kind == 0:
            ignore[window] |= mask
        else:
            kinds.append(kind)
            instances[window][mask] = len(kinds) - 1
    instances, kept = contiguous(instances)
    if hidden := len(kinds) - 1 - len(kept):
        odd["nuclei completely under later ones left out"] += hidden
    types: UInt8[np.ndarray, " n"] = np.array(kinds, np.uint8)[kept]
    return Drawn(NucleusLabels(instances, types), ignore if ignore.any() else None, odd)


def _read_image(path: Path) -> UInt8[np.ndarray, "h w 3"]:
    return read_svs(path) if path.suffix.lower() == ".svs" else read_labelled_rgb(path, None)


def _problem(stem: str, files: Mapping[str, list[Path]], images: list[Path], labels: list[Path]) -> str:
    if twice := [path.name for paths in files.values() if len(paths) > 1 for path in paths]:
        return f"several files of one name: {', '.join(twice)}"
    if not _PATIENT.match(stem):
        return "a name that does not begin with a patient (TCGA-XX-XXXX)"
    if not labels:
        return "an image without an annotation"
    return "" if images else "an annotation without an image"


def _folded(name: str) -> str:
    return " ".join(name.split()).casefold()


def _natural(stem: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdecimal() else (0, part) for part in re.split(r"([0-9]+)", stem)]
