"""A leaderboard as it is drawn: columns in groups, the text of every cell, and what is said around the table."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from reports.board import Leaderboard, Row
from reports.causes import Cause
from reports.columns import Column
from reports.floors import details, floor_rows, mixed_columns
from reports.footnotes import Footnote, Footnotes, causes_of
from reports.groups import HEADLINE, grouped
from reports.numbers import MISSING, is_void, number, same, sole_encoder
from reports.remarks import remarks, subtitle, warnings
from reports.spreads import spread_lines
from reports.verdicts import STAR, rank_text


@dataclass(frozen=True)
class Entry:
    """What one cell shows: a mark, a number or a word, letters of footnotes, and lines of details."""

    text: str = ""
    mark: str = ""
    letters: str = ""
    more: Sequence[str] = ()
    best: bool = False


@dataclass(frozen=True)
class SheetColumn:
    """One column: its heading, and its entries for the floors and for the rows; `words` says that it has no numbers."""

    heading: Sequence[str]
    floors: Sequence[Entry]
    entries: Sequence[Entry]
    letters: str = ""
    words: bool = False


@dataclass(frozen=True)
class Block:
    """The columns of one group."""

    title: str
    columns: Sequence[SheetColumn]


@dataclass(frozen=True)
class Sheet:
    """Everything that a drawing of a board shows, in the order in which it is read."""

    title: str
    subtitle: str
    warnings: Sequence[str]
    floors: Sequence[str]
    rows: Sequence[Row]
    networks: SheetColumn | None
    blocks: Sequence[Block]
    footnotes: Sequence[Footnote]
    remarks: Sequence[str]

    @property
    def n_controls(self) -> int:
        """Number of rows that are controls, which are the first."""
        return sum(row.is_control for row in self.rows)


def sheet_of(board: Leaderboard, *, everything: bool = False) -> Sheet:
    """Return a board as it is drawn, with the columns of a page-wide table or with all."""
    shown = list(board.columns) if everything else board.main
    writer = _Writer(board, shown)
    blocks: list[Block] = []
    for title, columns in (grouped(board, shown) or {HEADLINE: []}).items():
        drawn = [writer.column(column) for column in columns]
        if not blocks:  # what is said of the arm stands next to the difference that is tested
            place = 1 if columns and columns[0] == board.primary else 0
            drawn[place:place] = [*writer.words(), *writer.seeds()]
        blocks.append(Block(title, drawn))
    networks = [row.downstream for row in board.rows]
    return Sheet(
        board.title,
        subtitle(board, shown),
        warnings(board),
        [floor.name for floor in writer.floors],
        board.rows,
        None if same([name for name in networks if name]) else writer.written("network", networks),
        blocks,
        writer.footnotes.listed(),
        [*remarks(board, shown), *spread_lines(board)],
    )


class _Writer:
    """The texts of the columns of a board."""

    def __init__(self, board: Leaderboard, shown: Sequence[Column]) -> None:
        self._board = board
        self._sole = bool(sole_encoder(shown))
        self._mixed = mixed_columns(board, shown)
        self.floors = floor_rows(board, shown)
        self.footnotes = Footnotes()

    def written(self, heading: str, texts: Sequence[str]) -> SheetColumn:
        """Return a column of words."""
        return SheetColumn((heading,), [Entry()] * len(self.floors), [Entry(text) for text in texts], words=True)

    def words(self) -> list[SheetColumn]:
        """Return the verdicts and the ranges of ranks, if the board has them."""
        board, places = self._board, range(len(self._board.rows))
        verdicts = [f"{board.verdicts.get(i, '')} {STAR if i in board.best else ''}".strip() for i in places]
        ranks = [rank_text(board, i) for i in places]
        named = {"verdict": verdicts, "rank": ranks}
        return [self.written(name, texts) for name, texts in named.items() if any(texts)]

    def seeds(self) -> list[SheetColumn]:
        """Return the numbers of seeds, if rows differ in them."""
        seeds = [row.seeds for row in self._board.rows]
        if same(seeds):
            return []
        return [SheetColumn(("seeds",), [Entry()] * len(self.floors), [Entry(str(n)) for n in seeds])]

    def column(self, column: Column) -> SheetColumn:
        """Return a column of numbers; what holds for all of its arms is said once, at its heading."""
        rows = self._board.rows
        causes = {i: causes_of(row.cells.get(column)) for i, row in enumerate(rows) if not is_void(row, column)}
        first = next(iter(causes.values()), [])
        shared = [cause for cause in first if len(causes) > 1 and all(cause in found for found in causes.values())]
        letters = self.footnotes.of_column(shared)
        entries = [
            self._entry(index, column, [cause for cause in causes.get(index, ()) if cause not in shared])
            for index in range(len(rows))
        ]
        floors = [_floor(*floor.cells.get(column, ("", ""))) for floor in self.floors]
        return SheetColumn(column.heading(with_encoder=not self._sole), floors, entries, letters)

    def _entry(self, index: int, column: Column, own: Collection[Cause]) -> Entry:
        board, row = self._board, self._board.rows[index]
        if is_void(row, column):
            return Entry()
        cell = row.cells.get(column)
        letters = self.footnotes.of_cell(own, row.title)
        if cell is None or cell.value is None:
            return Entry(MISSING, letters=letters)
        more = details(cell, column, self._mixed)
        return Entry(number(cell.value, column), board.mark(index, column), letters, more, board.is_best(index, column))


def _floor(value: str, range_: str) -> Entry:
    return Entry(value, more=[range_] if range_ else [])


def line(entry: Entry, escape: Callable[[str], str] = str) -> str:
    """Return the details of an entry on one line: an interval in parentheses, unless it has brackets of its own."""
    return "".join(f" {escape(part)}" if part.startswith("[") else f" ({escape(part)})" for part in entry.more)
