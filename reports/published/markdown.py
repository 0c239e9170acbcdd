"""A paper's table in Markdown: each measured number with its interval, and the published one next to it."""

from __future__ import annotations

from reports.markdown import escape, table_line
from reports.published.pivot import Place, once, pivot
from reports.published.table import PaperTable


def render_markdown(table: PaperTable) -> str:
    """Return a table with two columns for each column of the paper: measured and published."""
    whole = pivot(table)
    headings = [escape(" ".join(heading)) for heading in whole.headings]
    names = [column for heading in headings for column in (heading, "paper")]
    lines = [
        f"### {escape(table.layout.title)}",
        "",
        escape(table.layout.paper),
        "",
        table_line([*whole.lead, *names]),
        table_line([*("---" for _ in whole.lead), *("---:" for _ in names)]),
    ]
    for row, places in zip(once(whole.names), whole.places, strict=True):
        lines.append(table_line([*map(escape, row), *(cell for place in places for cell in _cells(place))]))
    return "\n".join([*lines, "", *(f"- {escape(note)}" for note in whole.notes), ""])


def _cells(place: Place | None) -> tuple[str, str]:
    if place is None:
        return "", ""
    measured = place.value + _raised(place.letter) + (f" ({place.interval})" if place.interval else "")
    return measured, place.published + _raised(place.published_letter)


def _raised(letter: str) -> str:
    return f"<sup>{letter}</sup>" if letter else ""
