"""Golden tables on disk, and how a table of today differs from one of them."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd

TABLES = Path(__file__).parent / "tables"
CONSTANTS = TABLES / "constants.json"

# What a row is: a table has no two rows that agree in all of these.
IDENTITY = ("kind", "split", "method", "variant", "downstream", "metric", "class", "seed")
DIGESTS = ("encoder", "set_digest", "data")
"""Hashes of weights and of decoded pixels, cut short: they need not agree between platforms."""

Row = dict[str, str]


def rows_of(table: pd.DataFrame) -> list[Row]:
    """Return a table's rows as text that gives every number back bit for bit; the run's key is left out."""
    records = table.drop(columns="run").to_dict("records")
    return [{str(name): _text(str(name), value) for name, value in record.items()} for record in records]


def write(name: str, rows: list[Row]) -> None:
    """Write a table: columns that hold one value throughout go into the file of constants."""
    constants = {column: value for column, value in rows[0].items() if all(row[column] == value for row in rows)}
    columns = [column for column in rows[0] if column not in constants]
    with (TABLES / f"{name}.csv").open("w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, columns, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    kept = json.loads(CONSTANTS.read_text(encoding="utf-8")) if CONSTANTS.exists() else {}
    text = json.dumps(kept | {name: constants}, indent=1, sort_keys=True)
    CONSTANTS.write_text(text + "\n", encoding="utf-8")


def read(name: str) -> list[Row]:
    """Read a golden table."""
    constants = json.loads(CONSTANTS.read_text(encoding="utf-8"))[name]
    with (TABLES / f"{name}.csv").open(encoding="utf-8", newline="") as handle:
        return [constants | row for row in csv.DictReader(handle)]


def number(text: str) -> float:
    """Return a cell's number, NaN where it is empty."""
    return float(text) if text else math.nan


def moved(old: list[Row], new: list[Row], tolerance: Callable[[Row, str], float] | None) -> Iterator[str]:
    """Name what differs between a golden table and one of today, a line for each cell.

    Args:
        old: the golden rows.
        new: the rows of today; columns that the golden rows lack are new and not compared.
        tolerance: of the number in a column of a row, on another platform; None on the same one, where all cells must
            agree bit for bit.
    """
    before, after = _by_identity(old), _by_identity(new)
    yield from (f"gone: {' '.join(filter(None, row))}" for row in before if row not in after)
    yield from (f"new: {' '.join(filter(None, row))}" for row in after if row not in before)
    for identity, row in before.items():
        for column, value in row.items() if identity in after else ():
            found = after[identity].get(column)
            if found is None or not _agrees(column, value, found, tolerance and tolerance(row, column)):
                yield f"{' '.join(filter(None, identity))}: {column} was {value or None}, is {found or None}"


def _text(column: str, value: object) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if column in DIGESTS:
        return str(value)[:12]
    if column == "reason":  # its words may change, whether there is one may not
        return "given" if value else ""
    if isinstance(value, float):
        return str(int(value)) if column in ("n", "n_skipped", "n_groups", "n_distinct") else repr(value)
    return str(value)


def _by_identity(rows: list[Row]) -> dict[tuple[str, ...], Row]:
    found = {tuple(row[column] for column in IDENTITY): row for row in rows}
    assert len(found) == len(rows), "two rows are one measurement"
    return found


def _agrees(column: str, old: str, new: str, tolerance: float | None) -> bool:
    if old == new or (column in DIGESTS and tolerance is not None):
        return True
    if tolerance is None or not old or not new:
        return False
    try:
        return abs(float(old) - float(new)) <= tolerance
    except ValueError:
        return False
