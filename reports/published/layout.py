"""The layout of a paper's table, and its published values, as data."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bench.contract import Settings
from bench.errors import ConfigError

REMARK = "remark"
DATASET, DOWNSTREAM, METHOD, SPLIT = "dataset", "downstream", "method", "split"


class Shown(Settings):
    """One value of a key: its name in the paper, and what it is called in the results if that differs.

    `row` is the value in the results' column of the key. `variant` is what the arm's variant says of it, without the
    names of other data; `*` stands for any text.
    """

    title: str
    row: str | None = None
    variant: str = ""


class PaperMetric(Settings):
    """A column: its name in the paper, and how many digits after the point the paper prints."""

    title: str
    digits: int


class Layout(Settings):
    """A table as its paper prints it.

    `keys` are the columns of the CSV file that name a line, with their values in the paper's order; `rows` and `across`
    say which of them name rows, and which of them name groups of columns. `fixed` holds keys that all lines share.
    `metrics` are the columns of numbers by the project's names, with the class in brackets. `classes` translates
    classes of the file to those of a dataset's card. `absent` says why a dataset has no number in a column. `budget` is
    the unit of the paper's training budget, if suites use several.
    """

    name: str
    title: str
    paper: str
    fixed: Mapping[str, str] = {}
    keys: Mapping[str, Mapping[str, Shown]]
    rows: tuple[str, ...]
    across: tuple[str, ...] = ()
    metrics: Mapping[str, PaperMetric]
    classes: Mapping[str, Mapping[str, str]] = {}
    absent: Mapping[str, Mapping[str, str]] = {}
    budget: str = ""
    notes: tuple[str, ...] = ()

    def value(self, key: str, line: Mapping[str, str]) -> str:
        """Return a line's value of a key; empty if the table does not distinguish lines by it."""
        return self.fixed.get(key) or line.get(key, "")

    def shown(self, key: str, value: str) -> Shown:
        """Return what is known of the value of a key."""
        return self.keys.get(key, {}).get(value) or Shown(title=value)

    def title_of(self, key: str, value: str) -> str:
        """Return the name of a key's value in the paper."""
        return self.shown(key, value).title

    def asked(self, key: str, line: Mapping[str, str]) -> str:
        """Return what the results call a line's value of a key; empty if they need not agree."""
        value = self.value(key, line)
        return self.shown(key, value).row or value

    def arm(self, line: Mapping[str, str]) -> str:
        """Return the name of a line's arm in the paper, without dataset and network."""
        keys = [key for key in self.rows if key not in (DATASET, DOWNSTREAM)]
        return " ".join(filter(None, (self.title_of(key, line.get(key, "")) for key in keys)))

    def datasets(self, line: Mapping[str, str]) -> list[str]:
        """Return the datasets of a line: its own, and those of other roles (`mask_dataset`)."""
        others = [line.get(key, "") for key in self.keys if key.endswith(f"_{DATASET}")]
        return [name for name in (self.value(DATASET, line), *others) if name]

    def variant(self, line: Mapping[str, str]) -> str:
        """Return what the variant of a line's arm says."""
        return " ".join(filter(None, (self.shown(key, line.get(key, "")).variant for key in self.keys)))


@dataclass(frozen=True)
class Line:
    """One line of a published table: its keys, its numbers as printed, and what is doubtful about them, by column."""

    keys: Mapping[str, str]
    numbers: Mapping[str, str]
    doubts: Mapping[str, str]


@dataclass(frozen=True)
class PublishedTable:
    """A layout and its lines, in the paper's order."""

    layout: Layout
    lines: Sequence[Line]

    @property
    def arms(self) -> frozenset[str]:
        """The names, in the results, of the arms that the paper has."""
        return frozenset(self.layout.asked(METHOD, line.keys) for line in self.lines)

    @property
    def datasets(self) -> tuple[str, ...]:
        """The datasets of the paper's table."""
        return tuple(dict.fromkeys(self.layout.value(DATASET, line.keys) for line in self.lines))

    @property
    def named(self) -> frozenset[str]:
        """All datasets that the table names, also those of other roles."""
        return frozenset(name for line in self.lines for name in self.layout.datasets(line.keys))


def read_published(layout: Layout, text: str) -> PublishedTable:
    """Return the lines of a CSV file, whose columns are the keys and the metrics of its layout, and `remark`.

    A remark is a list, divided by semicolons, of `column: reason`; one without a column is about the whole line.

    Raises:
        ConfigError: a column, or a value of a key, is not one of the layout.
    """
    lines = list(csv.DictReader(io.StringIO(text)))
    columns = {*layout.metrics, REMARK, *(key for key in layout.keys if key not in layout.fixed)}
    there = {str(name) for line in lines for name in line}  # None where a line has too many values
    if odd := sorted(there - columns) + sorted(layout.metrics.keys() - there):
        what = f"The published table {layout.name} and its layout have different columns"
        raise ConfigError(what, got=", ".join(odd), fix=f"its columns are {', '.join(sorted(columns))}")
    found = [_line(layout, line) for line in lines]
    return PublishedTable(layout, sorted(found, key=lambda line: _place(layout, line.keys)))


def doubts(remark: str, metrics: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield the column, empty for the whole line, and the reason of each part of a remark.

    >>> list(doubts("kid: a misprint; read off: no number printed", ["kid"]))
    [('kid', 'a misprint'), ('', 'read off: no number printed')]
    """
    for part in filter(None, (part.strip() for part in remark.split(";"))):
        column, separator, reason = part.partition(": ")
        yield (column, reason) if separator and column in metrics else ("", part)


def _line(layout: Layout, line: Mapping[str, str]) -> Line:
    keys = {key: line.get(key) or "" for key in layout.keys if key in line}
    for key, value in keys.items():
        if value not in layout.keys[key]:
            fix = f"use one of {', '.join(map(repr, layout.keys[key]))}, or add it to the layout"
            raise ConfigError(f"The layout {layout.name} does not know a value of {key!r}", got=repr(value), fix=fix)
    columns = list(layout.metrics)
    reasons: dict[str, list[str]] = {}
    for column, reason in doubts(line.get(REMARK) or "", columns):
        for one in [column] if column else columns:
            reasons.setdefault(one, []).append(reason)
    return Line(keys, {c: line[c] for c in columns}, {c: "; ".join(found) for c, found in reasons.items()})


def _place(layout: Layout, keys: Mapping[str, str]) -> tuple[int, ...]:
    ordered = [*layout.rows, *layout.across, *layout.keys]
    return tuple(list(layout.keys[key]).index(keys[key]) for key in ordered if key in keys)
