"""A prepared split on disk, read lazily through memory maps."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int64

from bench.contract import DatasetInfo, Sample
from bench.digest import digest
from bench.errors import DataError

SCHEMA = 1
INFO_FILE = "info.json"
SAMPLES_FILE = "samples.jsonl"
DTYPES = {"image": ("images.u8", "u1"), "instances": ("instances.i32", "<i4"), "ignore": ("ignore.u8", "u1")}
"""File and element type of each kind of array."""


class PreparedDataset:
    """A `bench.contract.Dataset` over a folder that `prepare` wrote, or over some of its samples.

    Nothing but text is read until a sample is asked for. Pickles as its path and indices, so that loader
    processes open the files for themselves. Arrays are copies: writing to one changes nothing else.
    """

    def __init__(self, path: Path, indices: Sequence[int] | None = None, split: str | None = None) -> None:
        self.path = Path(path)
        self._document = _read_document(self.path)
        records = _read_records(self.path)
        self._indices = tuple(range(len(records))) if indices is None else tuple(indices)
        self._records = [records[index] for index in self._indices]
        self._split = split

    @cached_property
    def info(self) -> DatasetInfo:
        """What is known of the dataset as a whole."""
        values: dict[str, Any] = dict(self._document["info"])
        for key in ("classes", "labels", "rare"):
            values[key] = tuple(values[key])
        return DatasetInfo(**{**values, "split": self._split or values["split"]})

    @property
    def ids(self) -> list[str]:
        """Sample ids, in order."""
        return [record["id"] for record in self._records]

    @property
    def groups(self) -> list[str]:
        """The group of each sample, in order."""
        return [record["group"] for record in self._records]

    @property
    def labels(self) -> list[int | None]:
        """The image-level class of each sample, in order."""
        return [record["label"] for record in self._records]

    @cached_property
    def digest(self) -> str:
        """Hash of the samples' pixels and labels, in order, and of class names; not of the split's name."""
        return dataset_digest(self.info, [record["digest"] for record in self._records])

    @property
    def notes(self) -> dict[str, Any]:
        """What the source found out about the data."""
        return dict(self._document["notes"])

    @cached_property
    def nucleus_counts(self) -> Int64[np.ndarray, "n c"]:
        """Nuclei of each sample by class; column `i` is class `i + 1`. No image is read."""
        n_classes = len(self.info.classes)
        counts = np.zeros((len(self), n_classes), np.int64)
        for row, record in zip(counts, self._records, strict=True):
            row += np.bincount(np.array(record["types"] or [], np.int64), minlength=n_classes + 1)[1:]
        return counts

    def subset(self, indices: Iterable[int], *, split: str | None = None) -> PreparedDataset:
        """Return a view of some samples, in the order given, under another split's name if one is given."""
        chosen = [self._indices[index] for index in indices]
        return PreparedDataset(self.path, chosen, split or self._split)

    def __len__(self) -> int:
        return len(self._records)

    def __getitem__(self, index: int) -> Sample:
        record = self._records[index]
        types, ignore = record["types"], self._array("ignore", record)
        image = self._array("image", record)
        assert image is not None, "prepare writes an image for every sample"
        return Sample(
            id=record["id"],
            image=image,
            group=record["group"],
            mpp=record["mpp"],
            instances=self._array("instances", record),
            types=None if types is None else np.array(types, np.uint8),
            label=record["label"],
            caption=record["caption"],
            tissue=record["tissue"],
            ignore=None if ignore is None else ignore.astype(bool),
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return PreparedDataset, (self.path, self._indices, self._split)

    def _array(self, kind: str, record: dict[str, Any]) -> np.ndarray | None:
        offset = record["offsets"][kind]
        if offset is None:
            return None
        height, width = record["shape"]
        shape = (height, width, 3) if kind == "image" else (height, width)
        name, dtype = DTYPES[kind]
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        if size == 0:  # a caption without its image; the file may be empty
            return np.zeros(shape, np.dtype(dtype).newbyteorder("="))
        stored = self._maps[kind][offset : offset + size]
        if len(stored) != size:
            raise DataError(f"expected {size} bytes of {record['id']!r} in {self.path / name}", got=str(len(stored)))
        return stored.view(dtype).reshape(shape).astype(np.dtype(dtype).newbyteorder("="), copy=True)

    @cached_property
    def _maps(self) -> dict[str, np.ndarray]:
        # an empty file cannot be mapped
        paths = {kind: self.path / name for kind, (name, _) in DTYPES.items()}
        return {kind: np.asarray(np.memmap(path, mode="r")) for kind, path in paths.items() if path.stat().st_size}


def dataset_digest(info: DatasetInfo, digests: Sequence[str]) -> str:
    """Return the digest of a dataset: the meaning of its class ids and the digest of each sample."""
    meaning = {"task": info.task, "classes": info.classes, "labels": info.labels, "rare": info.rare}
    return digest({**meaning, "samples": list(digests)})


def _read_document(path: Path) -> dict[str, Any]:
    try:
        document: dict[str, Any] = json.loads((path / INFO_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"expected a prepared dataset in {path}", got=str(error), fix="prepare it again") from error
    if document.get("schema") != SCHEMA:
        got = f"schema {document.get('schema')}"
        raise DataError(f"expected a prepared dataset of schema {SCHEMA} in {path}", got=got, fix="prepare it again")
    return document


def _read_records(path: Path) -> list[dict[str, Any]]:
    with (path / SAMPLES_FILE).open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]
