"""A chart with its legend, its caption and the table of its numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup

from reports.report.styles import Style
from reports.report.svg import Drawing


class Table(NamedTuple):
    """A plain table: headings and rows of texts, of which the first `leads` cells name the row."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    leads: int = 1


class Figure(NamedTuple):
    """One chart of one panel or several. `table` says the same in numbers; `wide` charts may be scrolled."""

    title: str
    panels: Sequence[Markup]
    caption: str
    table: Table
    legend: Sequence[tuple[Markup, str]] = ()
    wide: bool = False


def key(style: Style, title: str) -> tuple[Markup, str]:
    """Return an entry of a legend: a short line with the arm's marker, and its title."""
    drawing = Drawing(30, 14)
    drawing.begin(f"series {style.css}")
    drawing.line((1, 7), (29, 7), "stroke")
    drawing.marker((15, 7), style.shape, "dot", 4)
    drawing.end()
    return drawing.markup(""), title
