"""Leaderboards in LaTeX: booktabs tables for papers, divided between groups of columns like those of a terminal."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from bench.harmless import harmless
from reports.board import Leaderboard, Row
from reports.folding import fold
from reports.numbers import superscript
from reports.sheet import Block, Entry, Sheet, SheetColumn, line, sheet_of
from reports.typeset import typeset

PREAMBLE = "% \\usepackage{booktabs, caption, amssymb}"
_ROOM = 100
"""Characters next to the names of rows that fit between the margins of a page."""
_LETTERS = "abcdefghijklmnoprstuvwxyz"
_SYMBOLS = {
    "Δ": r"$\Delta$",
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
    "▲": r"$\blacktriangle$",
    "▼": r"$\blacktriangledown$",
    "★": r"$\bigstar$",
    "⚠": r"\textbf{!}",
    "\N{EN DASH}": "--",
    "--": "-{}-",
    "·": r"$\cdot$",
    "²": r"$^2$",
    "³": r"$^3$",
    "µ": r"$\mu$",
    "±": r"$\pm$",
    "≤": r"$\leq$",
    "≥": r"$\geq$",
    "\N{MULTIPLICATION SIGN}": r"$\times$",
    **{superscript(letter): rf"\textsuperscript{{{letter}}}" for letter in _LETTERS},
}
_ESCAPED = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    **{character: f"\\{character}" for character in "&%$#_{}"},
}


def render_latex(boards: Sequence[Leaderboard], *, everything: bool = False) -> str:
    """Return boards as LaTeX tables, each with its footnotes; remarks on a whole board are below its first table."""
    sheets = [sheet_of(board, everything=everything) for board in boards]
    return "\n".join([PREAMBLE, *(table for sheet in sheets for table in _tables(sheet))])


def _tables(sheet: Sheet) -> Iterator[str]:
    for number, blocks in enumerate(fold(sheet.blocks, _ROOM, _line_width)):
        table = typeset(sheet, blocks, _Pen(), "board").tab_options(table_font_size="8pt")
        about = [sheet.subtitle, *sheet.warnings]
        table = table.tab_header(sheet.title, ". ".join(text for text in about if text))
        used = _letters(blocks)
        notes = [f"{superscript(note.letter)} {note.text}" for note in sheet.footnotes if note.letter in used]
        for text in [*notes, *(sheet.remarks if number == 0 else [])]:
            table = table.tab_source_note(text)
        yield _with_symbols(table.as_latex())


class _Pen:
    """Texts as LaTeX; symbols that LaTeX lacks are replaced in the whole table."""

    stub = False

    def heading(self, column: SheetColumn) -> str:
        return " ".join(column.heading) + superscript(column.letters)

    def floor(self, name: str) -> str:
        return rf"\textit{{{escape(name)}}}"

    def name(self, row: Row) -> str:
        named = escape(" ".join(part for part in (row.title, row.warning) if part))
        return "{}" + named if named.startswith(("[", "*")) else named  # no argument of the end of the line above

    def entry(self, entry: Entry, *, floor: bool = False) -> str:
        value = rf"\textbf{{{_number(entry.text)}}}" if entry.best else _number(entry.text)
        marked = (f"{entry.mark} " if entry.mark else "") + value + superscript(entry.letters) + line(entry, _number)
        return rf"\textit{{{marked}}}" if floor and marked else marked


def escape(text: str) -> str:
    """Return a text whose characters have no meaning in LaTeX."""
    return "".join(_ESCAPED.get(character, character) for character in harmless(text))


def in_latex(text: str) -> str:
    """Return a text as LaTeX writes it, with its numbers and symbols."""
    return _with_symbols(_number(text))


def _with_symbols(written: str) -> str:
    return re.sub("|".join(_SYMBOLS), lambda found: _SYMBOLS[found[0]], written)


def _number(text: str) -> str:
    """Return the text of a cell, in which a hyphen before digits is a minus sign."""
    return re.sub(r"(?<!\w)-(?=[.\d])", "$-$", escape(text))


def _letters(blocks: Sequence[Block]) -> set[str]:
    columns = [column for block in blocks for column in block.columns]
    at = [text for column in columns for text in (column.letters, *(entry.letters for entry in column.entries))]
    return set("".join(at))


def _line_width(column: SheetColumn) -> int:
    """Return the width of a column whose details stand next to its numbers."""
    cells = [entry.mark + entry.text + entry.letters + line(entry) for entry in (*column.floors, *column.entries)]
    return max(map(len, [" ".join(column.heading) + column.letters, *cells]))
