"""CoNIC's two tables: names of patches, and nuclei a class of their centres."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

from bench.errors import DataError
from bench.formats.csv_tables import read_table


def read_names(path: Path) -> tuple[str, ...]:
    """Return the names of patch_info.csv, `<source>-<number>`, in the order of the arrays.

    Raises:
        DataError: the file is unfit, a name is doubled, or does not end in a dash and a number.
    """
    names = tuple(read_table(path, "patch_info").rows)
    for row, name in enumerate(names):
        source, _, number = name.rpartition("-")
        if not source or not number.isdecimal():
            raise DataError(f"expected names <source>-<number> in {path}", got=f"{name!r} in row {row}")
    return names


def read_counts(path: Path, classes: Mapping[int, str], n: int) -> list[dict[int, int]]:
    """Return counts.csv as nuclei by class id, a patch a row; columns are found by name and others passed over.

    Raises:
        DataError: the file is unreadable, a class has no column, there are not `n` rows, or a cell is no count.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as handle:
            lines = [[cell.strip() for cell in line] for line in csv.reader(handle) if line]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        got = "no such file" if isinstance(error, FileNotFoundError) else str(error)
        raise DataError(f"expected nuclei a class in {path}", got=got) from error
    header, rows = (lines[0], lines[1:]) if lines else ([], [])
    if lacking := [name for name in classes.values() if name not in header]:
        raise DataError(f"expected a column a class in {path}", got=f"no {', '.join(lacking)}")
    if len(rows) != n:
        raise DataError(f"expected {n} rows in {path}, as patches", got=f"{len(rows)}")
    columns = {index: header.index(name) for index, name in classes.items()}
    try:
        return [{index: int(row[column]) for index, column in columns.items()} for row in rows]
    except (ValueError, IndexError) as error:
        raise DataError(f"expected a whole number in every cell of {path}", got=str(error)) from error
