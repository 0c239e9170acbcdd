"""Rows of the gate: long-form tables as text, whether they come from a store, from Parquet or from CSV."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow
import pyarrow.parquet as parquet

from bench.errors import BenchError, DataError, MissingError
from bench.harmless import csv_text, harmless
from bench.results.table import read_rows

Row = Mapping[str, str]

PLACE = ("kind", "dataset", "split", "fold", "method", "variant", "ratio", "downstream", "metric", "class")
"""The columns that say what a row measures."""
REPLICATE = ("seed", "generation")
CONTEXT = (
    *("preset", "budget", "division", "harness", "protocol", "encoder", "aggregation", "starts_from"),
    *("seeds", "generations"),
)
"""The columns that say how it was measured: rows that differ in one of them cannot be compared."""
IDENTIFYING = (*PLACE, *REPLICATE, *CONTEXT)
DIGEST = "digest"
"""Kind of a row that holds a digest instead of a number, and the name of its column."""
MOST_ROWS, MOST_BYTES = 20_000_000, 8 << 30
"""Of a Parquet file, which may claim any number of rows in a few bytes; a large suite has a million."""
_WHOLE = ("seed", "generation", "seeds", "generations", "protocol", "harness")
_NUMBERS = (*_WHOLE, "ratio", "value", "se", "tolerance")
_SHORTENED = 8  # digests of at least so many characters may be cut short


@dataclass(frozen=True)
class Table:
    """Rows in order, the columns that they have, and the line of each in its file (0: it has none)."""

    rows: Sequence[Row]
    columns: frozenset[str]
    source: str
    lines: Sequence[int] = field(default=())

    def line(self, index: int) -> int:
        """Return the line of a row in the table's file; 0 if it has none."""
        return self.lines[index] if self.lines else 0


def from_frame(frame: pd.DataFrame, digests: Iterable[Mapping[str, Any]], source: str) -> Table:
    """Return the rows of a results table, of which newer ones come last, and rows of digests.

    Of rows that are the same measurement, the newest counts.
    """
    identity = [*IDENTIFYING]
    newest = frame[frame["kind"] != "cost"].drop_duplicates(subset=identity, keep="last")
    rows = [{name: _text(value) for name, value in record.items()} for record in newest.to_dict("records")]
    rows += [{name: _text(value) for name, value in record.items()} for record in digests]
    return Table([_plain(row) for row in rows], frozenset({*frame.columns, DIGEST}), source)


def read(path: Path, *, finite: bool) -> Table:
    """Return the rows of a file: CSV in long form, or Parquet as runs write it.

    Args:
        path: the file.
        finite: refuse numbers that are not finite.

    Raises:
        MissingError: there is no such file.
        DataError: it is not a table in long form; a cell of a number is not a number.
    """
    if not path.is_file():
        raise MissingError(
            f"There is no table {path}",
            got="a folder" if path.is_dir() else "no such file",
            fix=f"give a file of rows; `bench check --update {path}` writes a baseline from the store's results",
        )
    table = _read_parquet(path) if path.suffix == ".parquet" else _read_csv(path)
    for index, row in enumerate(table.rows):
        for name in _NUMBERS:
            _check_number(table, index, name, row.get(name, ""), finite=finite)
    return table


def number(text: str) -> float | None:
    """Return the number of a cell; None if it is empty or NaN."""
    value = float(text) if text else math.nan
    return None if math.isnan(value) else value


def agree(column: str, one: str, other: str) -> bool:
    """Return whether two cells say the same; a digest may be cut short.

    >>> agree("ratio", "1", "1.0"), agree("encoder", "99426560e7c1", "99426560e7c15096; RGB"), agree("method", "a", "b")
    (True, True, False)
    """
    if one == other:
        return True
    if column in _NUMBERS and one and other:
        return float(one) == float(other)
    short, long = sorted((one, other), key=len)
    return column in ("encoder", DIGEST) and len(short) >= _SHORTENED and long.startswith(short)


def title(row: Row) -> str:
    """Return what a row measures, apart from its metric and dataset, in a few words."""
    arm = " ".join(filter(None, [row.get("method", ""), row.get("variant", "") and f"({row['variant']})"]))
    seed = row.get("seed", "")
    more = [f"fold {row['fold']}"] if row.get("fold") else []
    more += [f"seed {seed}"] if seed and float(seed) > 0 else []
    ratio = number(row.get("ratio", ""))
    more += [f"ratio {ratio:g}"] if ratio not in (None, 0.0, 1.0) else []
    return ", ".join(filter(None, [arm, row.get("downstream", ""), row.get("split", ""), row.get("class", ""), *more]))


def named(row: Row) -> str:
    """Return the metric of a row, and what it was measured of."""
    return f"{row['metric']} of {title(row)}" if title(row) else row["metric"]


def _plain(row: Mapping[str, str]) -> Row:
    """Return a row that says its kind."""
    return {**row, "kind": row.get("kind") or "score"}


def _text(value: Any) -> str:
    if value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
        return ""
    return repr(value) if isinstance(value, float) else harmless(str(value))


def _read_parquet(path: Path) -> Table:
    try:
        about = parquet.read_metadata(path)
        names = set(about.schema.to_arrow_schema().names)
    except (OSError, pyarrow.ArrowInvalid) as error:
        raise DataError(f"The table {path} cannot be read", got=str(error), fix="give CSV or Parquet") from error
    unpacked = sum(about.row_group(number).total_byte_size for number in range(about.num_row_groups))
    if about.num_rows > MOST_ROWS or unpacked > MOST_BYTES:
        got = f"{about.num_rows:,} rows, {unpacked:,} bytes unpacked; at most {MOST_ROWS:,} and {MOST_BYTES:,} are read"
        raise DataError(f"The table {path} is too large", got=got, fix="give the table of one store, or a part of it")
    if absent := {"metric", "value", "dataset", "method"} - names:
        raise _not_long(path, sorted(names), sorted(absent))
    return from_frame(read_rows([path]), (), str(path))


def _read_csv(path: Path) -> Table:
    try:
        with path.open(encoding="utf-8-sig", newline="") as handle:
            reader = csv.DictReader(handle)
            found = [(reader.line_num, record) for record in reader]
            names = list(reader.fieldnames or [])
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"The table {path} cannot be read", got=str(error), fix="give CSV in UTF-8") from error
    if not names:
        raise DataError(f"The table {path} is empty", got="no header", fix=_fix(path))
    if absent := [name for name in ("metric", "value") if name not in names]:
        raise _not_long(path, names, absent)
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise DataError(f"The table {path} has a column twice", got=", ".join(twice), fix="remove one of them")
    if not found:
        raise DataError(f"The table {path} has no rows", got="only a header", fix=_fix(path))
    return Table(list(_rows_of(path, found)), frozenset(names), str(path), [line for line, _ in found])


def _rows_of(path: Path, found: Iterable[tuple[int, Mapping[Any, Any]]]) -> Iterator[Row]:
    for line, record in found:
        if None in record or None in record.values():
            raise DataError(
                f"Line {line} of {path} does not have as many cells as the header",
                got=", ".join(str(value) for value in record.values() if value),
                fix="quote cells that contain commas",
            )
        row = _plain({name: csv_text(value.strip()) for name, value in record.items()})
        if not row["metric"]:
            raise DataError(f"Line {line} of {path} does not name a metric", got="an empty cell", fix="fill it in")
        yield row


def _not_long(path: Path, names: Sequence[str], absent: Sequence[str]) -> BenchError:
    shown = ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
    if "method" in names and any(name.endswith(("_low", "_n")) for name in names):
        return DataError(
            f"{path} is a leaderboard, with one column per metric, and not a table with one number per row",
            got=f"the columns {shown}",
            fix=_fix(path),
        )
    return DataError(
        f"{path} is not a table with one number per row: it lacks the column {' and '.join(absent)}",
        got=f"the columns {shown}",
        fix=_fix(path),
    )


def _fix(path: Path) -> str:
    other = path.with_name("baseline.csv") if path.name != "baseline.csv" else path
    return f"`bench check --update {other}` writes a baseline from the store's results"


def _check_number(table: Table, index: int, name: str, text: str, *, finite: bool) -> None:
    try:
        value = float(text) if text else 0.0
    except ValueError:
        value = math.nan
        finite = True  # not a number in any table
    odd = (finite and not math.isfinite(value)) or (name in ("se", "tolerance") and value < 0)
    odd |= name in _WHOLE and value != round(value) if math.isfinite(value) else name in _WHOLE
    if odd:
        where = f"line {table.line(index)}" if table.line(index) else f"row {index + 1}"
        wanted = "0 or a positive number" if name in ("se", "tolerance") else "a finite number"
        raise DataError(
            f"The column {name} in {where} of {table.source} is not {wanted}",
            got=repr(text),
            fix="correct it, or leave it empty and give a reason" if name == "value" else "correct it",
        )
