"""The parts of an export: splits of a dataset, a dataset in memory, or a sealed synthetic set."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from bench.contract import Dataset, DatasetInfo, Sample
from bench.datasets.source import DatasetSource, open_source
from bench.errors import ConfigError, SealError
from bench.formats.parallel import ordered_map
from bench.paths import is_file, is_folder
from bench.synthetic import MANIFEST, TRAINING, SyntheticSet, sample_digest

ALL = "all"


@dataclass(frozen=True)
class Part:
    """One split: its description, its number of samples, and a function that reads them in order."""

    info: DatasetInfo
    n: int
    samples: Callable[[], Iterable[Sample]]


def part_of(dataset: Dataset) -> Part:
    """Return a dataset as one split."""
    return Part(dataset.info, len(dataset), lambda: ordered_map(dataset.__getitem__, range(len(dataset))))


def source_part(source: DatasetSource, split: str) -> Part:
    """Return a split of a dataset as it was published: native resolution, classes merged."""
    card = source.card
    info = DatasetInfo(card.name, split, card.task, card.class_names, card.labels, card.mpp, card.rare)
    return Part(info, len(source.ids(split)), lambda: source.samples(split))


def set_part(folder: Path) -> Part:
    """Return a sealed synthetic set as a training split; every sample is checked against its seal as it is read.

    Raises:
        SealError: the folder does not hold a sealed set, or holds one that shows the content of test images.
    """
    opened = SyntheticSet(folder)
    if opened.use != TRAINING:
        raise SealError(
            f"The set in {folder} is not for training",
            got=f"a set sealed for {opened.use}",
            fix="export another set: this one shows the content of test images, so training on it would leak them",
        )
    info = replace(opened.info, split="train")
    return Part(info, len(opened), lambda: _checked(opened))


def open_parts(name: str, split: str, data_root: Path | None) -> list[Part]:
    """Return the parts that a name stands for: the sealed set in a folder, else the splits of a dataset or card.

    Args:
        name: a dataset's name, the path of a card, or the folder of a sealed set.
        split: one split of a dataset, or `all` (without `fresh`, which has no end).
        data_root: the folder that holds datasets.

    Raises:
        ConfigError: there is no such dataset or split.
        SealError: the folder does not hold a set for training.
    """
    folder = Path(name).expanduser()
    if is_file(folder / MANIFEST) or ("/" in name and is_folder(folder)):
        if split not in (ALL, "train"):
            raise ConfigError("A synthetic set has only the split 'train'", got=repr(split))
        return [set_part(folder)]
    source = open_source(name, data_root)
    source.locate()
    known = source.splits()
    if split != ALL and split not in known:
        fix = f"use one of: {', '.join(known)}, {ALL}"
        raise ConfigError(f"{source.card.name} has no such split", got=repr(split), fix=fix)
    chosen = [each for each in known if each != "fresh"] if split == ALL else [split]
    return [source_part(source, each) for each in chosen]


def _checked(opened: SyntheticSet) -> Iterator[Sample]:
    records = opened.metadata
    for record, sample in zip(records, ordered_map(opened.__getitem__, range(len(records))), strict=True):
        if sample_digest(sample) != record.sha256:
            raise SealError(
                f"The samples of {opened.folder} have changed since they were sealed",
                got=f"{record.file_name} changed",
                fix="make the set again; a sealed set must not be edited",
            )
        yield sample
