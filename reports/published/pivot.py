"""A paper's table as rows and columns of text, which every format draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from metrics.table import METRICS, find
from reports.numbers import MISSING, Notes
from reports.published.layout import Layout
from reports.published.table import Measured, MeasuredLine, PaperTable


@dataclass(frozen=True)
class Place:
    """The texts of one place: the measured number, its interval and the letter of its remark, and the published one."""

    value: str
    interval: str
    letter: str
    published: str
    published_letter: str


@dataclass(frozen=True)
class Pivot:
    """Rows and columns of text.

    A heading has the lines of its group and then the metric; `groups` holds for each row whether a new block begins.
    """

    lead: Sequence[str]
    headings: Sequence[tuple[str, ...]]
    names: Sequence[tuple[str, ...]]
    places: Sequence[Sequence[Place | None]]
    begins: Sequence[bool]
    notes: Sequence[str]


def pivot(table: PaperTable) -> Pivot:
    """Return a table's rows and columns in the paper's order, with remarks on its places first."""
    layout, notes = table.layout, Notes()
    rows = list(dict.fromkeys(_values(layout.rows, line) for line in table.lines))
    across = list(dict.fromkeys(_values(layout.across, line) for line in table.lines))
    across.sort(key=lambda values: [list(layout.keys[k]).index(v) for k, v in zip(layout.across, values, strict=True)])
    lines = {(_values(layout.rows, line), _values(layout.across, line)): line for line in table.lines}
    columns = [(group, metric) for group in across for metric in layout.metrics if _has(table, group, metric)]
    places = [[_place(layout, lines.get((row, group)), metric, notes) for group, metric in columns] for row in rows]
    return Pivot(
        lead=[key.replace("_", " ").replace("downstream", "network") for key in layout.rows],
        headings=[_heading(layout, group, metric) for group, metric in columns],
        names=[tuple(layout.title_of(k, v) for k, v in zip(layout.rows, row, strict=True)) for row in rows],
        places=places,
        begins=[i > 0 and row[:-1] != rows[i - 1][:-1] for i, row in enumerate(rows)],
        notes=[*notes.lines(), *table.remarks],
    )


def once(names: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Return the names of rows with those that repeat the row above left out, except the last.

    >>> once([("a", "x", "1"), ("a", "x", "2"), ("a", "y", "1")])
    [('a', 'x', '1'), ('', '', '2'), ('', 'y', '1')]
    """
    shown = []
    for index, row in enumerate(names):
        above = names[index - 1] if index else ()
        kept = [value if row[: i + 1] != above[: i + 1] else "" for i, value in enumerate(row[:-1])]
        shown.append((*kept, row[-1]))
    return shown


def text_of(value: float | str, digits: int = 0) -> str:
    """Return a number with the paper's digits and without a leading zero; a text is kept, except for the zero.

    >>> text_of(0.83912, 3), text_of("0.639"), text_of(-0.25, 2), text_of(12.0, 1)
    ('.839', '.639', '-.25', '12.0')
    """
    text = value if isinstance(value, str) else f"{value:.{digits}f}"
    sign, rest = (text[0], text[1:]) if text[:1] == "-" else ("", text)
    return sign + (rest[1:] if rest.startswith("0.") else rest)


def metric_title(layout: Layout, metric: str) -> str:
    """Return the name of a metric in the paper, with an arrow in the direction that is better."""
    known = find(metric.partition("[")[0], METRICS)
    arrow = {"higher": " ↑", "lower": " ↓"}.get(known.direction if known else "", "")
    return layout.metrics[metric].title + arrow


def _values(keys: Sequence[str], line: MeasuredLine) -> tuple[str, ...]:
    return tuple(line.keys.get(key, "") for key in keys)


def _has(table: PaperTable, group: tuple[str, ...], metric: str) -> bool:
    """Return whether a column has a number, published or measured, or a line that should have one."""
    places = [line.places[metric] for line in table.lines if _values(table.layout.across, line) == group]
    return any(place.published or place.doubt or (place.cell and place.cell.value is not None) for place in places)


def _heading(layout: Layout, group: tuple[str, ...], metric: str) -> tuple[str, ...]:
    of_group = [layout.title_of(key, value) for key, value in zip(layout.across, group, strict=True)]
    return (*of_group, metric_title(layout, metric))


def _place(layout: Layout, line: MeasuredLine | None, metric: str, notes: Notes) -> Place | None:
    if line is None:
        return None
    place: Measured = line.places[metric]
    digits = layout.metrics[metric].digits
    cell, letter = place.cell, notes.mark(place.reason) if place.reason else ""
    value, interval = MISSING if place.reason or place.published else "", ""
    if cell is not None and cell.value is not None:
        value = text_of(cell.value, digits)
        if cell.low is not None and cell.high is not None:
            interval = f"{text_of(cell.low, digits)}{MISSING}{text_of(cell.high, digits)}"
    published = text_of(place.published) if place.published else (MISSING if value else "")
    return Place(value, interval, letter, published, notes.mark(place.doubt) if place.doubt else "")
