"""Samples and datasets: what is known about real and synthetic images, with and without reading them.

This module is on the ground floor: it imports the standard library, numpy and jaxtyping only. Import its names from
`bench.contract`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Int32, UInt8

Task = Literal["nuclei", "tissue", "text", "pool"]


@dataclass(frozen=True)
class DatasetInfo:
    """What is known about a dataset without reading its images.

    `classes[i]` names nucleus class `i + 1` (0 is background); `labels[i]` names image-level class `i`.
    `rare` are the nucleus class ids that balancing methods favour. `mpp` is micrometres per pixel. `tissues` are
    the sorted names of the tissues of its samples, as far as they are known. `use` is "evaluation" for images of test
    masks, on which no network may be trained. `group_kind` says what a group of samples is: "slide", "patient",
    "article", "tile" or "patch"; it is empty where it is not known.
    """

    name: str
    split: str
    task: Task
    classes: tuple[str, ...]
    labels: tuple[str, ...]
    mpp: float
    rare: tuple[int, ...] = ()
    tissues: tuple[str, ...] = ()
    use: Literal["training", "evaluation"] = "training"
    group_kind: str = ""


@dataclass(frozen=True)
class Sample:
    """One real or synthetic tile or patch.

    Instance ids are exactly 1..n; `types[i]` in 1..C is the class of instance `i + 1`. `group` is the slide
    or patient: the unit of splitting and of resampling. `ignore` marks pixels that no metric may count. A caption
    without an image is a sample with an image of 0 x 0 pixels.
    """

    id: str
    image: UInt8[np.ndarray, "h w 3"]
    group: str
    mpp: float
    instances: Int32[np.ndarray, "h w"] | None = None
    types: UInt8[np.ndarray, " n"] | None = None
    label: int | None = None
    caption: str | None = None
    tissue: str | None = None
    ignore: Bool[np.ndarray, "h w"] | None = None


class SampleRecord(NamedTuple):
    """What is known about a sample without decoding its image.

    `nuclei[i]` is the number of nuclei of class `i + 1`; all 0 for a sample whose nuclei are unknown.
    """

    id: str
    group: str
    height: int
    width: int
    label: int | None
    caption: str | None
    tissue: str | None
    nuclei: tuple[int, ...]

    @classmethod
    def of(cls, sample: Sample, n_classes: int) -> SampleRecord:
        """Return the record of a sample that is in memory, of a dataset with `n_classes` classes of nuclei."""
        height, width = sample.image.shape[:2]
        nuclei = count_nuclei(sample.types, n_classes)
        return cls(sample.id, sample.group, height, width, sample.label, sample.caption, sample.tissue, nuclei)


def count_nuclei(types: UInt8[np.ndarray, " n"] | None, n_classes: int) -> tuple[int, ...]:
    """Return the number of nuclei of each class 1..`n_classes`, 0 if there are no types.

    >>> count_nuclei(np.array([3, 1, 3], np.uint8), 4)
    (1, 0, 2, 0)
    """
    if types is None:
        return (0,) * n_classes
    return tuple(np.bincount(types, minlength=n_classes + 1)[1:].tolist())


@runtime_checkable
class Dataset(Protocol):
    """A read-only sequence of samples of one split; all but the samples is known without decoding an image."""

    @property
    def info(self) -> DatasetInfo:
        """What is known about the dataset as a whole."""
        ...

    @property
    def ids(self) -> Sequence[str]:
        """Sample ids, in order."""
        ...

    @property
    def groups(self) -> Sequence[str]:
        """The group of each sample, in order."""
        ...

    @property
    def records(self) -> Sequence[SampleRecord]:
        """What is known about each sample without decoding its image, in order."""
        ...

    @property
    def digest(self) -> str:
        """Hash of decoded pixels and labels: equal digests mean equal data."""
        ...

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Sample: ...
