"""Few labels: a part of the training split keeps its labels, the rest is a pool of images without labels."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import Literal

import numpy as np
from pydantic import Field

from bench.contract import Dataset, DatasetInfo, Sample, SampleRecord, Settings
from bench.datasets.prepared.read import PreparedDataset
from bench.digest import digest
from bench.errors import DataError


class Labelled(Settings):
    """The part of the training split that keeps its labels: a `share` of its images, equally many of each class.

    `pool` says which images become the unlabelled pool: all others (`rest`), or those of groups that have no labelled
    image (`other-groups`).
    """

    share: float = Field(gt=0, lt=1)
    seed: int = 0
    pool: Literal["rest", "other-groups"] = "rest"


def limit_labels(train: PreparedDataset, labelled: Labelled) -> tuple[PreparedDataset, Dataset]:
    """Return the labelled part of a training split, and the pool.

    Each class gets equally many images, together `share` of all images; the remainder goes to as many classes, one
    each, by seed (HistoDiffusion's 5 % "even across classes" of 100,000 images: 5000 = 9 · 555 + 5). Within a class
    images are taken group by group in a seeded order, so that few groups are labelled.

    Raises:
        DataError: an image has no label, or a class has too few images.
    """
    by_class: dict[int, list[int]] = defaultdict(list)
    for index, record in enumerate(train.records):
        if record.label is None:
            raise DataError("A training image has no label", got=f"no label of {record.id!r}")
        by_class[record.label].append(index)
    rng = np.random.default_rng(labelled.seed)
    chosen: list[int] = []
    for label, n in zip(sorted(by_class), _quota(len(train), len(by_class), labelled.share, rng), strict=True):
        ordered = _by_group(by_class[label], train.groups, rng)
        if n > len(ordered):
            name = train.info.labels[label]
            raise DataError(f"The training split has fewer than {n} labelled images of {name}", got=f"{len(ordered)}")
        chosen += ordered[:n]
    if not chosen:
        got = f"a share of {labelled.share} of {len(train)} images"
        raise DataError("The training split keeps no labelled image", got=got, fix="raise `labelled.share` in the card")
    kept, taken = set(chosen), {train.groups[index] for index in chosen}
    groups = train.groups
    rest = [i for i in range(len(train)) if i not in kept and (labelled.pool == "rest" or groups[i] not in taken)]
    return train.subset(sorted(chosen)), Unlabelled(train.subset(rest, split="pool"))


class Unlabelled:
    """A view of a dataset whose samples have an image and a group, and nothing else; a `bench.contract.Dataset`."""

    def __init__(self, data: Dataset) -> None:
        self._data = data

    @property
    def info(self) -> DatasetInfo:
        """The description of the dataset, without its classes."""
        return replace(self._data.info, task="pool", classes=(), labels=(), rare=())

    @property
    def ids(self) -> Sequence[str]:
        """Sample ids, in order."""
        return self._data.ids

    @property
    def groups(self) -> Sequence[str]:
        """The group of each sample, in order."""
        return self._data.groups

    @cached_property
    def records(self) -> list[SampleRecord]:
        """The record of each sample without its labels, in order."""
        return [record._replace(label=None, caption=None, nuclei=()) for record in self._data.records]

    @cached_property
    def digest(self) -> str:
        """Hash of the underlying dataset."""
        return digest({"unlabelled": self._data.digest})

    def __len__(self) -> int:
        return len(self._data)

    def __getitem__(self, index: int) -> Sample:
        sample = self._data[index]
        return Sample(sample.id, sample.image, sample.group, sample.mpp, tissue=sample.tissue)


def _quota(n: int, n_classes: int, share: float, rng: np.random.Generator) -> list[int]:
    total = round(share * n)
    quota = np.full(n_classes, total // n_classes)
    quota[rng.permutation(n_classes)[: total % n_classes]] += 1
    return [int(value) for value in quota]


def _by_group(indices: list[int], groups: Sequence[str], rng: np.random.Generator) -> list[int]:
    members: dict[str, list[int]] = defaultdict(list)
    for index in indices:
        members[groups[index]].append(index)
    names = sorted(members)
    return [index for position in rng.permutation(len(names)) for index in members[names[position]]]
