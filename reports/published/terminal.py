"""A paper's table in a terminal: each measured number above its interval, with the published one next to it."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from reports.numbers import superscript
from reports.published.pivot import Pivot, Place, once, pivot
from reports.published.table import PaperTable
from reports.terminal import WIDTH

_GAP = 2
_Drawn = tuple[str, list[Text]]


def render_terminal(table: PaperTable, *, width: int = WIDTH) -> RenderableType:
    """Render a table for a terminal of `width` columns; columns that do not fit go to further tables below."""
    whole = pivot(table)
    names = once(whole.names)
    lead = [(name, [Text(row[i]) for row in names]) for i, name in enumerate(whole.lead)]
    pairs = [_pair(whole, index) for index in range(len(whole.headings))]
    room = width - sum(map(_width, lead))
    parts: list[RenderableType] = [Text.assemble((table.layout.title, "bold"), f"  {table.layout.paper}")]
    parts.extend(_table([*lead, *group], len(lead), whole) for group in _fitting(pairs, room))
    parts.extend(Text(note, "dim") for note in whole.notes)
    return Group(*parts, Text(""))


def _pair(whole: Pivot, index: int) -> tuple[_Drawn, _Drawn]:
    """Return the columns of a metric: measured and published."""
    heading = whole.headings[index]
    cells = [row[index] for row in whole.places]
    measured = ("\n".join((*heading, "measured")), [_measured(cell) for cell in cells])
    published = ("\n".join((*[""] * len(heading), "paper")), [_published(cell) for cell in cells])
    return measured, published


def _measured(place: Place | None) -> Text:
    if place is None:
        return Text("")
    text = Text.assemble(place.value, (superscript(place.letter), "dim"))
    return text.append(f"\n{place.interval}", "dim") if place.interval else text


def _published(place: Place | None) -> Text:
    return Text("") if place is None else Text(place.published + superscript(place.published_letter), "cyan")


def _table(columns: Sequence[_Drawn], n_lead: int, whole: Pivot) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for index, (heading, _) in enumerate(columns):
        table.add_column(Text(heading), justify="left" if index < n_lead else "right", no_wrap=True, vertical="top")
    for index, cells in enumerate(zip(*(cells for _, cells in columns), strict=True)):
        table.add_row(*cells, end_section=index + 1 < len(whole.begins) and whole.begins[index + 1])
    return table


def _width(column: _Drawn) -> int:
    heading, cells = column
    return max(len(line) for text in [heading, *(cell.plain for cell in cells)] for line in text.split("\n")) + _GAP


def _fitting(pairs: Sequence[tuple[_Drawn, _Drawn]], room: int) -> list[list[_Drawn]]:
    """Divide the pairs of columns into runs that fit next to the names; a pair stays together."""
    groups: list[list[_Drawn]] = [[]]
    used = 0
    for pair in pairs:
        needed = sum(map(_width, pair))
        if groups[-1] and used + needed > room:
            groups.append([])
            used = 0
        groups[-1].extend(pair)
        used += needed
    return groups
