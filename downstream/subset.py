"""Some samples of a dataset, as a dataset."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from bench.contract import Dataset, DatasetInfo, Sample, SampleRecord


class Subset:
    """The samples of a dataset at the given positions, in that order."""

    def __init__(self, dataset: Dataset, places: Sequence[int]) -> None:
        self._dataset, self._places = dataset, list(places)

    @property
    def info(self) -> DatasetInfo:
        """What is known about the whole dataset."""
        return self._dataset.info

    @property
    def ids(self) -> Sequence[str]:
        """Sample ids, in order."""
        return [self._dataset.ids[place] for place in self._places]

    @property
    def groups(self) -> Sequence[str]:
        """The group of each sample, in order."""
        return [self._dataset.groups[place] for place in self._places]

    @property
    def records(self) -> Sequence[SampleRecord]:
        """What is known about each sample without decoding its image, in order."""
        known = self._dataset.records
        return [known[place] for place in self._places]

    @property
    def digest(self) -> str:
        """Hash of the whole dataset's digest and the positions."""
        return hashlib.sha256(f"{self._dataset.digest}:{self._places}".encode()).hexdigest()

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, index: int) -> Sample:
        return self._dataset[self._places[index]]
