"""A table as plain data: texts for readers and unrounded values for programs, which every format renders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

Value = str | float | int | bool | None


class Heading(NamedTuple):
    """A column: its name in CSV and JSON, its title for readers, and whether it holds numbers."""

    key: str
    title: str
    is_number: bool = True


class Entry(NamedTuple):
    """One text, and the letter of the remark on it."""

    text: str
    letter: str = ""


@dataclass(frozen=True)
class PlainTable:
    """Rows and columns.

    `rows` are for readers, one entry for each heading; `records` are the same rows for programs, and may say more. The
    first `lead` headings name a row, and are repeated where a table is divided. `warnings` belong above the table and
    `remarks` below it; `notes` are the remarks that letters refer to.
    """

    title: str
    headings: Sequence[Heading]
    rows: Sequence[Sequence[Entry]]
    records: Sequence[Mapping[str, Value]]
    lead: int = 1
    warnings: Sequence[str] = ()
    notes: Sequence[str] = ()
    remarks: Sequence[str] = ()
