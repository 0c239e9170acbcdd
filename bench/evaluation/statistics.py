"""Statistics of a test set: a table with one row per image, from which scores and intervals are computed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64

from bench.digest import digest, digest_file

STATISTICS = "statistics.parquet"


class Statistics:
    """The statistics of the images of one test set; `id` and `group` are among the columns."""

    def __init__(self, source: Path | Mapping[str, Sequence[Any]] | Callable[[str], Sequence[Any]]) -> None:
        """Read `statistics.parquet` in a folder, or take columns that are in memory, or a function that returns one."""
        self._source = source
        if isinstance(source, Path):
            self._values = _reader(source)
        else:
            self._values = source.__getitem__ if isinstance(source, Mapping) else source
        self._read: dict[str, np.ndarray] = {}
        self.ids: list[str] = self.column("id").tolist()
        self.groups: list[str] = self.column("group").tolist()

    @classmethod
    def joined(cls, parts: Sequence[Statistics]) -> Statistics:
        """Return the statistics of several test sets as those of one."""
        whole = cls(lambda name: [value for part in parts for value in part.column(name).tolist()])
        whole.digest = digest([part.digest for part in parts])
        return whole

    @cached_property
    def digest(self) -> str:
        """A hash of all columns: equal statistics have equal ones."""
        if isinstance(self._source, Path):
            return digest_file(self._source / STATISTICS)
        return digest(repr(self._source))

    def __len__(self) -> int:
        return len(self.ids)

    def column(self, name: str) -> np.ndarray:
        """Return a column: one value per image, or one row per image if it contains lists."""
        if name not in self._read:
            self._read[name] = np.array(self._values(name))
        return self._read[name]

    def numbers(self, name: str) -> Float64[np.ndarray, "n *k"]:
        """Return a column of numbers."""
        return self.column(name).astype(np.float64)


def columns_of(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Return the columns of rows that share their names.

    >>> columns_of([{"id": "a", "dice": 0.5}, {"id": "b", "dice": 1.0}])
    {'id': ['a', 'b'], 'dice': [0.5, 1.0]}
    """
    return {name: [row[name] for row in rows] for name in rows[0]}


def write_statistics(folder: Path, rows: list[dict[str, object]]) -> None:
    """Write one row per image for :class:`Statistics` to read."""
    import pyarrow
    import pyarrow.parquet as parquet

    parquet.write_table(pyarrow.Table.from_pylist(rows), folder / STATISTICS)


def _reader(folder: Path) -> Callable[[str], Sequence[Any]]:
    import pyarrow.parquet as parquet

    table = parquet.read_table(folder / STATISTICS)
    return lambda name: table.column(name).to_pylist()
