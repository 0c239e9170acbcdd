"""CSV tables of users: a header, rows of equal length, one row per id."""

from __future__ import annotations

import csv
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.errors import DataError
from bench.formats.limits import check_text


@dataclass(frozen=True)
class Table:
    """A CSV file: its columns, and the row (column to text, stripped) of each id, in the file's order."""

    path: Path
    columns: tuple[str, ...]
    rows: dict[str, dict[str, str]]


def read_table(path: Path, key: str, required: Sequence[str] = ()) -> Table:
    """Return a CSV file (UTF-8, comma-separated) whose column `key` identifies its rows.

    Keys are in Unicode's form NFC, so that an accent is the same letter in every table and name.

    Raises:
        DataError: the file is absent, unreadable or empty, a column is missing or doubled, a row is longer or
            shorter than the header, or an id is empty or doubled.
    """
    try:
        check_text(path)
        with path.open(encoding="utf-8-sig", newline="") as handle:
            lines = [[cell.strip() for cell in line] for line in csv.reader(handle) if any(map(str.strip, line))]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        got = "no such file" if isinstance(error, FileNotFoundError) else str(error)
        fix = f"save a table with a header {','.join((key, *required))} as CSV, UTF-8"
        raise DataError(f"Cannot read {path} as a CSV file (UTF-8)", got=got, fix=fix) from error
    wanted = ",".join((key, *required))
    if len(lines) < 2:
        got = "only a header" if lines else "an empty file"
        raise DataError(f"{path} has no rows", got=got, fix=f"write a header {wanted} and one line per image")
    columns = tuple(lines[0])
    missing = [name for name in (key, *required) if name not in columns]
    if missing or len(set(columns)) != len(columns):
        what = f"no column {', '.join(missing)}" if missing else "a column that occurs twice"
        raise DataError(
            f"{path} does not have each of the columns {wanted} once",
            got=f"{what}: {','.join(columns)}",
            fix=f"write a header {wanted}",
        )
    rows: dict[str, dict[str, str]] = {}
    for index, line in enumerate(lines[1:], start=1):
        if len(line) != len(columns):
            got = f"{len(line)} cells in row {index}: {','.join(line)[:80]}"
            raise DataError(
                f"A row in {path} does not have {len(columns)} cells",
                got=got,
                fix="write every cell, and quote cells that hold commas",
            )
        row = dict(zip(columns, line, strict=True))
        row[key] = unicodedata.normalize("NFC", row[key])
        if not row[key] or row[key] in rows:
            got = f"{row[key]!r} again in row {index}" if row[key] else f"no {key} in row {index}"
            raise DataError(f"{path} does not have each {key} once", got=got, fix="keep one row per image")
        rows[row[key]] = row
    return Table(path, columns, rows)


def read_groups(path: Path | None, ids: Sequence[str]) -> list[str]:
    """Return the slide or patient of each id from a CSV file `stem,group`; without a file each id is its own.

    Raises:
        DataError: the file is not valid or lacks an id; ids of other images are ignored.
    """
    if path is None:
        return list(ids)
    rows = read_table(path, "stem", ["group"]).rows
    lacking = [name for name in ids if not rows.get(name, {}).get("group")]
    if lacking:
        raise DataError(
            f"{path} does not have a group for every image",
            got=f"no group for {some(lacking)}",
            fix="add these rows: stem,group",
        )
    return [rows[name]["group"] for name in ids]


def some(names: Sequence[str], n: int = 5) -> str:
    """Return the first few names as text, and how many more there are."""
    more = f" and {len(names) - n} more" if len(names) > n else ""
    return ", ".join(names[:n]) + more
