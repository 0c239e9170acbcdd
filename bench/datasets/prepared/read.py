"""A prepared split on disk, whose samples are read when they are needed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import cached_property
from math import prod
from pathlib import Path
from sys import intern
from typing import Any, NamedTuple

import numpy as np

from bench.contract import DatasetInfo, Sample, SampleRecord, count_nuclei
from bench.datasets.looks import Look
from bench.digest import digest
from bench.errors import DataError

SCHEMA = 1
INFO_FILE = "info.json"
SAMPLES_FILE = "samples.jsonl"
LOOKS_FILE = "looks.json"
DTYPES = {"image": ("images.u8", "u1"), "instances": ("instances.i32", "<i4"), "ignore": ("ignore.u8", "u1")}
"""File and element type of each kind of array."""
_KINDS = tuple(DTYPES)


class _Record(NamedTuple):
    """The data of a sample without its pixels; it takes far less memory than the dictionary read from JSON.

    `types` holds one byte per instance; `offsets` has the start of each kind of array, in the order of `DTYPES`.
    """

    id: str
    group: str
    shape: tuple[int, int]
    types: bytes | None
    label: int | None
    caption: str | None
    tissue: str | None
    mpp: float
    digest: str
    offsets: tuple[int | None, ...]

    def public(self, n_classes: int) -> SampleRecord:
        types = np.frombuffer(self.types or b"", np.uint8)
        nuclei = count_nuclei(types, n_classes)
        return SampleRecord(self.id, self.group, *self.shape, self.label, self.caption, self.tissue, nuclei)


class PreparedDataset:
    """A `bench.contract.Dataset` over a folder that `prepare` wrote, or over some of its samples.

    Only text is read until a sample is requested. It pickles as its path and indices, so that loader
    processes open the files themselves. Arrays are read instead of mapped: a map's pages stay in the process's
    resident memory until the kernel needs them, 4.6 GB for 10,000 patches of 256 px.
    """

    def __init__(self, path: Path, indices: Sequence[int] | None = None, split: str | None = None) -> None:
        self.path = Path(path)
        self._document = _read_document(self.path)
        self._choose(_read_records(self.path), indices)
        self._split = split

    @cached_property
    def info(self) -> DatasetInfo:
        """The description of the whole dataset."""
        values: dict[str, Any] = dict(self._document["info"])
        for key in ("classes", "labels", "rare"):
            values[key] = tuple(values[key])
        values["tissues"] = tuple(sorted({record.tissue for record in self._all if record.tissue is not None}))
        return DatasetInfo(**{**values, "split": self._split or values["split"]})

    @property
    def ids(self) -> list[str]:
        """Sample ids, in order."""
        return [record.id for record in self._records]

    @property
    def groups(self) -> list[str]:
        """The group of each sample, in order."""
        return [record.group for record in self._records]

    @cached_property
    def records(self) -> list[SampleRecord]:
        """The record of each sample, available without decoding its image, in order."""
        n_classes = len(self.info.classes)
        return [record.public(n_classes) for record in self._records]

    @cached_property
    def digest(self) -> str:
        """Hash of the samples' pixels and labels, in order, and of class names; not of the split's name."""
        return dataset_digest(self.info, [record.digest for record in self._records])

    @cached_property
    def looks(self) -> list[Look] | None:
        """What each image looks like, in order; None for data that were prepared before this was written.

        An image without pixels is flat.
        """
        path = self.path / LOOKS_FILE
        if not path.exists():
            return None
        stored = json.loads(path.read_text(encoding="utf-8"))
        return [Look(0, True) if stored[index] is None else Look(*stored[index]) for index in self._indices]

    @property
    def notes(self) -> dict[str, Any]:
        """Notes of the source about the data."""
        return dict(self._document["notes"])

    def subset(self, indices: Iterable[int], *, split: str | None = None) -> PreparedDataset:
        """Return a view of some samples, in the order given, under another split's name if one is given."""
        view = PreparedDataset.__new__(PreparedDataset)  # without reading the records again
        view.path, view._document, view._split = self.path, self._document, split or self._split
        view._choose(self._all, [self._indices[index] for index in indices])
        return view

    def __len__(self) -> int:
        return len(self._records)

    def __getitem__(self, index: int) -> Sample:
        record = self._records[index]
        image, instances, ignore = (self._array(kind, record) for kind in _KINDS)
        assert image is not None, "prepare writes an image for every sample"
        return Sample(
            id=record.id,
            image=image,
            group=record.group,
            mpp=record.mpp,
            instances=instances,
            types=None if record.types is None else np.frombuffer(record.types, np.uint8).copy(),
            label=record.label,
            caption=record.caption,
            tissue=record.tissue,
            ignore=None if ignore is None else ignore.astype(bool),
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return PreparedDataset, (self.path, self._indices, self._split)

    def _choose(self, records: Sequence[_Record], indices: Sequence[int] | None) -> None:
        self._all = records
        self._indices = tuple(range(len(records))) if indices is None else tuple(indices)
        self._records = [records[index] for index in self._indices]

    def _array(self, kind: str, record: _Record) -> np.ndarray | None:
        offset = record.offsets[_KINDS.index(kind)]
        if offset is None:
            return None
        shape = (*record.shape, 3) if kind == "image" else record.shape
        name, dtype = DTYPES[kind]
        n = prod(shape)  # 0 for a caption without its image
        stored = np.fromfile(self.path / name, dtype, n, offset=offset)
        if len(stored) != n:
            what = f"{self.path / name} ends before the {n} values of the {kind} of {record.id!r}"
            raise DataError(what, got=str(len(stored)), fix="prepare the dataset again")
        return stored.reshape(shape).astype(np.dtype(dtype).newbyteorder("="), copy=False)


def dataset_digest(info: DatasetInfo, digests: Sequence[str]) -> str:
    """Return the digest of a dataset: the meaning of its class ids and the digest of each sample."""
    meaning = {"task": info.task, "classes": info.classes, "labels": info.labels, "rare": info.rare}
    return digest({**meaning, "samples": list(digests)})


def _read_document(path: Path) -> dict[str, Any]:
    try:
        document: dict[str, Any] = json.loads((path / INFO_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(
            f"There is no prepared dataset in {path}", got=str(error), fix="prepare the dataset again"
        ) from error
    if document.get("schema") != SCHEMA:
        got = f"schema {document.get('schema')}"
        raise DataError(
            f"The prepared dataset in {path} does not have schema {SCHEMA}", got=got, fix="prepare the dataset again"
        )
    return document


def _read_records(path: Path) -> list[_Record]:
    with (path / SAMPLES_FILE).open(encoding="utf-8") as lines:
        return [_record(json.loads(line)) for line in lines]


def _record(line: dict[str, Any]) -> _Record:
    height, width = line["shape"]
    return _Record(
        id=line["id"],
        group=intern(line["group"]),
        shape=(height, width),
        types=None if line["types"] is None else bytes(line["types"]),
        label=line["label"],
        caption=line["caption"],
        tissue=None if line["tissue"] is None else intern(line["tissue"]),
        mpp=line["mpp"],
        digest=line["digest"],
        offsets=tuple(line["offsets"][kind] for kind in _KINDS),
    )
