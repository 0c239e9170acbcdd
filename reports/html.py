"""Leaderboards as one HTML page that needs nothing else: light or dark, on a screen or printed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from bench.harmless import harmless
from reports.board import Leaderboard, Row
from reports.folding import fold, stacked_width
from reports.plain_table import PlainTable
from reports.sheet import Block, Entry, Sheet, SheetColumn, sheet_of
from reports.typeset import typeset

_ROOM = 150
"""Characters next to the names of rows that fit on a screen or a page; wider tables are divided."""
_CLASSES = {"▲": "better", "▼": "worse"}


class Drawing(NamedTuple):
    """One board on the page."""

    sheet: Sheet
    id: str
    tables: Sequence[Markup]


def render_html(
    boards: Sequence[Leaderboard],
    *,
    everything: bool = False,
    tables: Sequence[PlainTable] = (),
    notes: Sequence[str] = (),
) -> str:
    """Return boards as a page: every text is escaped, and nothing is loaded from anywhere.

    Args:
        boards: the boards.
        everything: whether to show all columns.
        tables: further tables, shown below the boards.
        notes: what is said below these tables.
    """
    environment = Environment(
        loader=PackageLoader("reports", "."), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    page = environment.get_template("leaderboard.html.j2").render(
        boards=list(_drawings(boards, everything)), tables=tables, notes=notes
    )
    return harmless(page)  # marks of the direction of writing could show another name than there is


def table_of(board: Leaderboard, id: str, *, everything: bool = False) -> Drawing:
    """Return the tables of a board for a page that has the style of `leaderboard.css`; `id` is that of its part."""
    sheet = sheet_of(board, everything=everything)
    tables = [
        _table(sheet, blocks, f"{id}-{number}")
        for number, blocks in enumerate(fold(sheet.blocks, _ROOM, stacked_width), 1)
    ]
    return Drawing(sheet, id, tables)


def _drawings(boards: Sequence[Leaderboard], everything: bool) -> Iterator[Drawing]:
    for number, board in enumerate(boards, 1):
        yield table_of(board, f"board-{number}", everything=everything)


def _table(sheet: Sheet, blocks: Sequence[Block], id: str) -> Markup:
    """Return the table element; its style, which great-tables knows for light pages only, is that of the page."""
    written = typeset(sheet, blocks, _Pen(), id).as_raw_html()
    element = re.search(r"<table.*</table>", written, re.DOTALL)
    assert element is not None
    caption = f"{sheet.title}: {', '.join(dict.fromkeys(block.title for block in blocks))}"
    begin = f"<table><caption>{escape(caption)}</caption>"
    return Markup(re.sub("<table[^>]*>", lambda _: begin, element[0], count=1))


class _Pen:
    """Texts as HTML."""

    stub = True

    def heading(self, column: SheetColumn) -> Any:
        from great_tables import html

        first, *rest = (_span(part, "") for part in column.heading)
        return html(str(Markup("<br>").join([first + _raised(column.letters), *rest])))

    def floor(self, name: str) -> str:
        return str(Markup("<i>{}</i>").format(name))

    def name(self, row: Row) -> str:
        warning = Markup("<br>") + _span(row.warning, "warning") if row.warning else ""
        return str(_span(row.title, "control" if row.is_control else "method") + warning)

    def entry(self, entry: Entry, *, floor: bool = False) -> str:
        value = Markup("<b>{}</b>").format(entry.text) if entry.best else escape(entry.text)
        mark = Markup('<span aria-hidden="true">{}</span> ').format(entry.mark) if entry.mark else ""
        shown = _span(mark + value, "real" if floor and entry.text else _CLASSES.get(entry.mark, ""))
        shown += _raised(entry.letters)
        return str(shown + Markup("").join(Markup("<br>") + _span(part, "more") for part in entry.more))


def _span(text: str, name: str) -> Markup:
    return Markup('<span class="{}">{}</span>').format(name, text) if name else escape(text)


def _raised(letters: str) -> Markup:
    return Markup("<sup>{}</sup>").format(letters) if letters else Markup("")
