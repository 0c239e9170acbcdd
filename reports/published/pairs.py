"""The numbers of papers next to the measured ones of a board, one line for each number that has both places."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reports.board import POOLED, Cell, Leaderboard, Row
from reports.published.assumptions import Assumptions, Doubt
from reports.published.layout import DATASET, DOWNSTREAM, Layout, Line, PublishedTable
from reports.published.table import PAPER, find_cell, find_row


@dataclass(frozen=True)
class Pair:
    """A published number and the measured one; `doubt` is about the gain that the paper reports.

    `line` names the paper's arm and what it was compared with; `cell` is None if the number was not measured; `remark`
    says what is doubtful about the published number.
    """

    row: Row
    line: Line
    metric: str
    published: float
    printed: str
    cell: Cell | None
    doubt: Doubt
    remark: str = ""

    @property
    def difference(self) -> float | None:
        """Measured minus published."""
        return None if self.cell is None or self.cell.value is None else self.cell.value - self.published

    @property
    def within(self) -> bool | None:
        """Whether the published number is in the measured interval; None without an interval."""
        if self.cell is None or self.cell.low is None or self.cell.high is None:
            return None
        return self.cell.low <= self.published <= self.cell.high


@dataclass(frozen=True)
class Comparison:
    """One network of a board, next to one published table; `absent` names the paper's arms that were not run."""

    board: Leaderboard
    layout: Layout
    network: str
    pairs: Sequence[Pair]
    absent: Sequence[str]

    @property
    def is_protocol(self) -> bool:
        """Whether the numbers were measured with the settings of the paper."""
        return self.board.preset == PAPER and self.board.budget.startswith(self.layout.budget)


def compare(
    boards: Sequence[Leaderboard], tables: Sequence[PublishedTable], assumptions: Assumptions
) -> tuple[list[Comparison], list[Leaderboard]]:
    """Return the comparisons of boards with published tables, and the boards of which nothing is published.

    A number is compared if the paper prints it for the dataset, network and arm of a row. Boards of pooled folds are
    left out: the papers' numbers are means, which the board of all folds has.
    """
    found, without = [], []
    for board in (one for one in boards if one.fold != POOLED):
        mine = [one for table in tables for one in _of_table(board, table, assumptions)]
        found.extend(mine)
        without.extend([] if mine else [board])
    return found, without


def _of_table(board: Leaderboard, table: PublishedTable, assumptions: Assumptions) -> list[Comparison]:
    layout = table.layout
    lines = [line for line in table.lines if layout.value(DATASET, line.keys) == board.dataset]
    found = []
    for network in dict.fromkeys(layout.value(DOWNSTREAM, line.keys) for line in lines):
        of_network = [line for line in lines if layout.value(DOWNSTREAM, line.keys) == network]
        rows = [(line, find_row(board, layout, line)) for line in of_network]
        pairs = [pair for line, row in rows if row for pair in _pairs(table, line, row, assumptions)]
        absent = dict.fromkeys(layout.arm(line.keys) for line, row in rows if row is None)
        if pairs:
            found.append(Comparison(board, layout, network, pairs, list(absent)))
    return found


def _pairs(table: PublishedTable, line: Line, row: Row, assumptions: Assumptions) -> list[Pair]:
    return [
        Pair(
            row,
            line,
            metric,
            float(printed),
            printed,
            find_cell(row, table.layout, line, metric),
            assumptions.doubt(table, line, metric),
            line.doubts.get(metric, ""),
        )
        for metric, printed in line.numbers.items()
        if printed
    ]
