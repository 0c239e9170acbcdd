"""Samples of several prepared splits by id, as one dataset."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import cached_property

from bench.contract import Dataset, DatasetInfo, Sample, SampleRecord
from bench.datasets.looks import Look
from bench.datasets.prepared.read import PreparedDataset
from bench.digest import digest
from bench.errors import ConfigError


def choose(splits: Mapping[str, PreparedDataset], ids: Collection[str], role: str) -> Dataset:
    """Return the samples of these ids in the order of the splits; a view of one split if all are in it.

    Raises:
        ConfigError: an id is in no split, or in two of them.
    """
    wanted = set(ids)
    parts = []
    for data in splits.values():
        indices = [index for index, id in enumerate(data.ids) if id in wanted]
        if indices:
            parts.append(data.subset(indices, split=role))
    found = [id for part in parts for id in part.ids]
    if len(found) > len(set(found)):
        twice = next(id for id in found if found.count(id) > 1)
        raise ConfigError("Two splits have a sample of the same id, so ids do not divide them", got=repr(twice))
    if lacking := sorted(wanted - set(found)):
        raise ConfigError(
            f"The {role} part of the division names samples that the dataset does not have",
            got=f"{lacking[0]!r}, and {len(lacking) - 1} more" if len(lacking) > 1 else repr(lacking[0]),
            fix="use a division of this dataset: `bench data splits DATASET --protocol NAME --out FILE`",
        )
    return parts[0] if len(parts) == 1 else Joined(parts)


class Joined:
    """Views of several prepared splits one after the other; a `bench.contract.Dataset`."""

    def __init__(self, parts: Sequence[PreparedDataset]) -> None:
        """Join views, of which there is at least one."""
        self._parts = tuple(parts)

    @property
    def info(self) -> DatasetInfo:
        """The description of the dataset, with the tissues of all parts."""
        tissues = {tissue for part in self._parts for tissue in part.info.tissues}
        return replace(self._parts[0].info, tissues=tuple(sorted(tissues)))

    @cached_property
    def ids(self) -> Sequence[str]:
        """Sample ids, in order."""
        return [id for part in self._parts for id in part.ids]

    @cached_property
    def groups(self) -> Sequence[str]:
        """The group of each sample, in order."""
        return [group for part in self._parts for group in part.groups]

    @cached_property
    def records(self) -> Sequence[SampleRecord]:
        """The record of each sample, in order."""
        return [record for part in self._parts for record in part.records]

    @cached_property
    def looks(self) -> list[Look] | None:
        """What each image looks like, in order; None if this is not known of all parts."""
        known = [part.looks for part in self._parts]
        return None if None in known else [one for part in known for one in part or ()]

    @cached_property
    def digest(self) -> str:
        """Hash of the digests of the parts."""
        return digest({"joined": [part.digest for part in self._parts]})

    def __len__(self) -> int:
        return sum(len(part) for part in self._parts)

    def __getitem__(self, index: int) -> Sample:
        if index < 0:
            index += len(self)
        for part in self._parts:
            if index < len(part):
                return part[index]
            index -= len(part)
        raise IndexError(index)
