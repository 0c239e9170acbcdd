"""Plain tables in a terminal, in Markdown, as CSV and as JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bench.harmless import csv_cell
from reports.markdown import escape, table_line
from reports.numbers import superscript
from reports.plain_table import Entry, PlainTable
from reports.terminal import WIDTH

_GAP = 2


def as_terminal(table: PlainTable, *, width: int = WIDTH) -> RenderableType:
    """Render a table for a terminal of `width` columns; columns that do not fit go to further tables below."""
    lead = list(range(table.lead))
    widths = [_width(table, place) for place in range(len(table.headings))]
    room = width - sum(widths[: table.lead])
    groups: list[list[int]] = [[]]
    for place in range(table.lead, len(table.headings)):
        if groups[-1] and sum(widths[one] for one in groups[-1]) + widths[place] > room:
            groups.append([])
        groups[-1].append(place)
    parts: list[RenderableType] = [Text(table.title, "bold")]
    parts.extend(Text(line, "bold yellow") for line in table.warnings)
    if table.rows:
        parts.extend(_part(table, [*lead, *group]) for group in groups)
    parts.extend(Text(line, "dim") for line in (*table.notes, *table.remarks))
    return Group(*parts, Text(""))


def as_markdown(table: PlainTable) -> str:
    """Return a table in Markdown, with its warnings above and its remarks below it."""
    lines = [f"### {escape(table.title)}", ""]
    lines += [part for line in table.warnings for part in (f"**{escape(line)}**", "")]
    if table.rows:
        lines.append(table_line([escape(heading.title) for heading in table.headings]))
        lines.append(table_line(["---:" if heading.is_number else "---" for heading in table.headings]))
        lines += [table_line([_markdown(entry) for entry in row]) for row in table.rows]
        lines.append("")
    return "\n".join([*lines, *(f"- {escape(line)}" for line in (*table.notes, *table.remarks)), ""])


def as_csv(tables: Sequence[PlainTable]) -> str:
    """Return the records of tables as one CSV table; values that a table lacks are empty, others are not rounded."""
    keys = list(dict.fromkeys(key for table in tables for record in table.records for key in record))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(keys or [heading.key for table in tables[:1] for heading in table.headings])
    for table in tables:
        writer.writerows([_csv(record.get(key)) for key in keys] for record in table.records)
    return text.getvalue()


def as_json(tables: Sequence[PlainTable], **more: Any) -> str:
    """Return tables as JSON: title, warnings, remarks and records of each, and what else is given."""
    shown = [
        {
            "title": table.title,
            "warnings": list(table.warnings),
            "remarks": [*table.notes, *table.remarks],
            "rows": [dict(record) for record in table.records],
        }
        for table in tables
    ]
    return json.dumps({"tables": shown, **more}, indent=2, ensure_ascii=False) + "\n"


def _part(table: PlainTable, places: Sequence[int]) -> Table:
    # the box adds one blank between columns and the padding another, together _GAP
    drawn = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for place in places:
        heading = table.headings[place]
        drawn.add_column(Text(heading.title), justify="right" if heading.is_number else "left", no_wrap=True)
    for row in table.rows:
        drawn.add_row(*(Text.assemble(row[p].text, (superscript(row[p].letter), "dim")) for p in places))
    return drawn


def _width(table: PlainTable, place: int) -> int:
    texts = [row[place].text + row[place].letter for row in table.rows]
    return max(len(line) for text in (table.headings[place].title, *texts) for line in text.split("\n")) + _GAP


def _markdown(entry: Entry) -> str:
    return escape(entry.text) + (f"<sup>{entry.letter}</sup>" if entry.letter else "")


def _csv(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else csv_cell(value) if isinstance(value, str) else repr(value)
