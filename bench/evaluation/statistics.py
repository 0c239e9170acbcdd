"""What is kept of each image of a test set: a table with one row per image, from which scores and intervals follow."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Float64

STATISTICS = "statistics.parquet"


class Statistics:
    """The statistics of the images of one test set; `id` and `group` are among the columns."""

    def __init__(self, path: Path) -> None:
        """Read `statistics.parquet` in `path`."""
        import pyarrow.parquet as parquet

        self._table = parquet.read_table(path / STATISTICS)
        self._read: dict[str, np.ndarray] = {}
        self.ids: list[str] = self.column("id").tolist()
        self.groups: list[str] = self.column("group").tolist()

    def __len__(self) -> int:
        return len(self.ids)

    def column(self, name: str) -> np.ndarray:
        """Return a column: one value per image, or one row per image where it holds lists."""
        if name not in self._read:
            self._read[name] = np.array(self._table.column(name).to_pylist())
        return self._read[name]

    def numbers(self, name: str) -> Float64[np.ndarray, "n *k"]:
        """Return a column of numbers."""
        return self.column(name).astype(np.float64)


def write_statistics(folder: Path, rows: list[dict[str, object]]) -> None:
    """Write one row per image for :class:`Statistics` to read."""
    import pyarrow
    import pyarrow.parquet as parquet

    parquet.write_table(pyarrow.Table.from_pylist(rows), folder / STATISTICS)
