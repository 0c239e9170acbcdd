"""The scores of single images next to a baseline, and which of them moved most."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from reports.gate.baseline import write_rows
from reports.gate.compare import Gate, scores_by
from reports.gate.rows import Row, number, read

ROW = ("dataset", "preset", "method", "variant", "downstream", "metric", "class")
COLUMNS = (*ROW, "sample", "value")
SHOWN = 10

Samples = Mapping[tuple[str, ...], float]
"""The score of each image, mean over seeds, by the columns of its row and its id."""


class Moved(NamedTuple):
    """One image whose score moved; `row` names the columns of the row that it is part of."""

    sample: str
    row: Row
    before: float
    after: float


def companion(table: Path) -> Path:
    """Return where the scores of single images are, next to a table.

    >>> companion(Path("gate/baseline.csv")).as_posix()
    'gate/baseline.samples.csv'
    """
    return table.with_name(f"{table.stem}.samples.csv")


def write_samples(path: Path, samples: Samples) -> None:
    """Write the scores of single images."""
    rows = [dict(zip(COLUMNS, (*key, f"{value:.6g}"), strict=True)) for key, value in samples.items()]
    write_rows(path, COLUMNS, rows)


def read_samples(path: Path) -> dict[tuple[str, ...], float]:
    """Return the scores of single images in a file; there are none if the file does not exist.

    Raises:
        DataError: it is not such a file.
    """
    if not path.exists():
        return {}
    rows = read(path, finite=True).rows
    found = {tuple(row.get(name, "") for name in COLUMNS[:-1]): number(row["value"]) for row in rows}
    return {key: value for key, value in found.items() if value is not None}


def moved_most(gate: Gate, before: Samples, after: Samples) -> list[Moved]:
    """Return the images whose scores moved most, in units of what their row may be worse by.

    They are of rows that are worse if there are such rows with images, otherwise of all rows that were compared.
    """
    rows = scores_by(gate, ROW)
    shared = [key for key in before if key in after and key[:-1] in rows and not _equal(before[key], after[key])]
    worse = [key for key in shared if rows[key[:-1]].outcome == "worse"]

    def movement(key: tuple[str, ...]) -> float:
        return abs(after[key] - before[key]) / max(rows[key[:-1]].limit or 0.0, 1e-12)

    most: Sequence[tuple[str, ...]] = sorted(worse or shared, key=movement, reverse=True)[:SHOWN]
    return [Moved(key[-1], dict(zip(ROW, key, strict=False)), before[key], after[key]) for key in most]


def _equal(one: float, other: float) -> bool:
    """Return whether two scores are equal in the digits that a file has."""
    return math.isclose(one, other, rel_tol=1e-5, abs_tol=1e-9)
