"""Stand-ins for data that a plan does not need to read: as many samples as the card says, without images."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

from bench.contract import Dataset, DatasetInfo, Sample, SampleRecord
from bench.datasets.card import DatasetCard
from bench.digest import digest
from bench.errors import DataError
from bench.run.resolve import Resolved

UNKNOWN = 1000
"""Number of samples of a split whose size no card states."""
_SIDE = 1000
"""Side in pixels of samples whose size no card states."""


class PlannedSplit:
    """A split of the card's size; a `bench.contract.Dataset` whose samples cannot be read.

    Its groups are as many as its samples where the card does not say how many slides there are.
    """

    def __init__(
        self, card: DatasetCard, split: str, mpp: float | None, indices: Sequence[int], name: str = ""
    ) -> None:
        self.card, self.split, self.indices, self.name = card, split, indices, name or split
        self._mpp = mpp or card.mpp

    @classmethod
    def of(cls, card: DatasetCard, split: str, mpp: float | None = None) -> PlannedSplit:
        """Return a whole split."""
        return cls(card, split, mpp, range(n_samples(card, split) or UNKNOWN))

    @property
    def info(self) -> DatasetInfo:
        """What the card says about the dataset."""
        card = self.card
        return DatasetInfo(card.name, self.name, card.task, card.class_names, card.labels, self._mpp, card.rare)

    @cached_property
    def records(self) -> list[SampleRecord]:
        """One record per sample; labels in turn."""
        n_labels, nuclei = len(self.card.labels), (0,) * len(self.card.classes)
        side = side_of(self.card, self._mpp)
        caption = "a caption" if self.card.captioned else None
        return [
            SampleRecord(
                f"{self.split}-{i}", f"{i}", side, side, i % n_labels if n_labels else None, caption, None, nuclei
            )
            for i in self.indices
        ]

    @property
    def ids(self) -> list[str]:
        """Ids that tell samples apart."""
        return [record.id for record in self.records]

    @property
    def groups(self) -> list[str]:
        """A group per sample."""
        return [record.group for record in self.records]

    @cached_property
    def digest(self) -> str:
        """A hash of what the stand-in is made of; no prepared data have it."""
        return digest(["planned", self.card.content(), self.split, self._mpp, list(self.indices)])

    def part(self, share: Iterable[int], name: str) -> PlannedSplit:
        """Return the samples at some places, as a split of another name."""
        return PlannedSplit(self.card, self.split, self._mpp, [self.indices[place] for place in share], name)

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> Sample:
        raise DataError("A plan does not read images", got=f"sample {index} of {self.card.name}")


class PlannedPool(PlannedSplit):
    """A planned split of images without labels."""

    @property
    def info(self) -> DatasetInfo:
        """What the card says about the dataset, without its classes."""
        return dataclasses.replace(super().info, task="pool", classes=(), labels=(), rare=())


def n_samples(card: DatasetCard, split: str) -> int | None:
    """Return the number of samples of a split according to the card; None if it does not say."""
    if split in card.expected:
        return card.expected[split].tiles
    patches = card.extra.get("patches")
    total = sum(patches.values()) if isinstance(patches, Mapping) else patches
    if isinstance(total, int) and card.divide is not None:
        held_out = round(card.divide.test * total)
        return held_out if split == "test" else total - held_out
    drawn = card.extra.get("splits", {}).get(split)
    if isinstance(drawn, Mapping):  # the phantom: tiles per slide, and per class where there are classes
        return int(drawn["slides"]) * int(drawn["tiles"]) * max(1, len(card.labels))
    return None


def test_groups(folds: Sequence[Dataset]) -> int | None:
    """Return the number of groups of the test splits of all folds; None if it is not known without the data.

    Without the data it is known where every sample is a group and the card states their number, and of the phantom.
    """
    seen: set[str] = set()
    for test in folds:
        if isinstance(test, PlannedSplit):
            card = test.card
            drawn = card.extra.get("splits", {}).get(test.split)
            if isinstance(drawn, Mapping) and test.split == test.name:
                return int(drawn["slides"])
            if card.groups not in ("tile", "patch") or n_samples(card, test.split) is None:
                return None
            seen.update(f"{test.split} {place}" for place in test.indices)
        else:
            seen.update(test.groups)
    return len(seen)


def side_of(card: DatasetCard, mpp: float) -> int:
    """Return the side of samples in pixels at a resolution, as the card states it."""
    side = card.side or card.extra.get("size")
    return round(side * card.mpp / mpp) if isinstance(side, int) else _SIDE


def planned_folds(resolved: Resolved) -> list[tuple[str, dict[str, Dataset]]]:
    """Return the name and the data of each fold of a run, by role."""
    card, mpp = resolved.card, resolved.preset.mpp
    whole = {split: PlannedSplit.of(card, split, mpp) for split in resolved.splits}
    others: dict[str, Dataset] = {
        role: PlannedPool.of(source.card, "train") if role == "pool" else PlannedSplit.of(source.card, "train", mpp)
        for role, source in resolved.others.items()
        if role in resolved.roles
    }
    return [(name, _limited({**whole, **parts}, resolved) | others) for name, parts in _divided(resolved, whole)]


def _divided(resolved: Resolved, whole: Mapping[str, PlannedSplit]) -> Iterable[tuple[str, dict[str, PlannedSplit]]]:
    """Yield the training, validation and test parts of each fold."""
    train, fold, protocol = whole["train"], resolved.request.fold, resolved.protocol
    if fold is not None:
        rest, held_out = _fold(train, *fold)
        yield f"{fold[0]}/{fold[1]}", {"train": rest, "test": held_out.part(range(len(held_out)), "test")}
    elif protocol is None or protocol.n_folds == 1:
        yield "", {}
    elif protocol.settings is not None and protocol.settings.rotate:
        n = protocol.n_folds
        for k in range(n):  # every part in turn trains, validates and tests
            every = len(train) + len(whole["test"])
            third = range(every // n)
            parts = {
                role: PlannedSplit(train.card, f"part-{(k + i) % n}", resolved.preset.mpp, third, role)
                for i, role in enumerate(("train", "validation", "test"))
            }
            yield f"{k + 1}/{n}", parts
    else:
        fixed = protocol.settings is None or (protocol.settings.test == "fixed" and not protocol.settings.leave_out)
        for k in range(1, protocol.n_folds + 1):
            rest, held_out = _fold(train, k, protocol.n_folds)
            parts = {"validation": held_out} if fixed else {"test": held_out.part(range(len(held_out)), "test")}
            yield f"{k}/{protocol.n_folds}", {"train": rest, **parts}


def _fold(train: PlannedSplit, k: int, n_folds: int) -> tuple[PlannedSplit, PlannedSplit]:
    held_out = range(k - 1, len(train), n_folds)
    rest = [place for place in range(len(train)) if place % n_folds != k - 1]
    return train.part(rest, "train"), train.part(held_out, "validation")


def _limited(data: dict[str, PlannedSplit], resolved: Resolved) -> dict[str, Dataset]:
    """Return the data under the card's limit on labels, and with captions of the run's own training split."""
    found: dict[str, Any] = dict(data)
    train, labelled = data["train"], resolved.card.labelled
    if labelled is not None:
        n = max(len(resolved.card.labels), round(labelled.share * len(train)))
        pool = PlannedPool(train.card, train.split, resolved.preset.mpp, train.indices[n:], "pool")
        found |= {"train": train.part(range(n), "train"), "pool": pool}
    if resolved.other.own_text:
        step = 1 if resolved.other.own_text == "all" else 2
        found["text"] = found["train"].part(range(0, len(found["train"]), step), "train")
    return found
