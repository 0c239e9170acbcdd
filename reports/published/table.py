"""Measured numbers in the places of a paper's table."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reports.board import Cell, Leaderboard, Row
from reports.columns import Column
from reports.published.layout import (
    DATASET,
    DOWNSTREAM,
    METHOD,
    SPLIT,
    Layout,
    Line,
    PublishedTable,
)
from reports.remarks import warnings

# Words of a variant that name the data of other roles: they belong to the run and not to the paper's row.
_ROLES = ("text=", "pool=", "mask=")
PAPER = "paper"


@dataclass(frozen=True)
class Measured:
    """One place of the table: the measured number or the reason why there is none, and the published one as printed."""

    cell: Cell | None
    reason: str
    published: str
    doubt: str


@dataclass(frozen=True)
class MeasuredLine:
    """A line of the published table with its places by column."""

    keys: Mapping[str, str]
    places: Mapping[str, Measured]


@dataclass(frozen=True)
class PaperTable:
    """A paper's table with measured numbers, and the remarks that belong below it."""

    layout: Layout
    lines: Sequence[MeasuredLine]
    remarks: Sequence[str]


def measure(
    published: PublishedTable, boards: Sequence[Leaderboard], stand_in: Mapping[str, str] | None = None
) -> PaperTable:
    """Return a paper's table with the numbers of leaderboards next to the published ones.

    Args:
        published: the table.
        boards: leaderboards, the newest first; the first one of a dataset that fits is used, and of its folds the row
            over all of them.
        stand_in: names of datasets and metrics that stand for those of the paper, by the paper's; if a dataset is
            among them, all others are left out.
    """
    layout, given = published.layout, stand_in or {}
    stands = {name: other for name, other in given.items() if name in published.named}
    instead = {name: other for name, other in given.items() if name in layout.metrics}
    lines = [one for one in published.lines if not stands or set(layout.datasets(one.keys)) <= stands.keys()]
    chosen = {name: _board(boards, stands.get(name, name), layout.budget) for name in published.datasets}
    found = []
    for line in lines:
        board = chosen[layout.value(DATASET, line.keys)]
        row = None if board is None else find_row(board, layout, line, stands)
        places = {metric: _place(layout, line, metric, board, row, instead) for metric in layout.metrics}
        found.append(MeasuredLine(line.keys, places))
    used = {name: board for name, board in chosen.items() if not stands or name in stands}
    return PaperTable(layout, found, [*_remarks(published, used, stands), *_replaced(layout, instead)])


def _board(boards: Sequence[Leaderboard], dataset: str, budget: str) -> Leaderboard | None:
    """Return the newest board of a dataset, of all folds together rather than of one, and of the paper's budget."""
    mine = [board for board in boards if board.dataset == dataset]
    mine = [board for board in mine if board.budget.startswith(budget)] or mine
    return next((board for board in mine if "/" not in board.fold), mine[0] if mine else None)


def find_row(board: Leaderboard, layout: Layout, line: Line, stands: Mapping[str, str] | None = None) -> Row | None:
    """Return the row of a line's arm and network; `stands` holds datasets that stand for those of the paper."""
    method, downstream = layout.asked(METHOD, line.keys), layout.asked(DOWNSTREAM, line.keys)
    words = (word.partition("=") for word in layout.variant(line.keys).split())
    variant = " ".join(f"{key}{separator}{(stands or {}).get(value, value)}" for key, separator, value in words)
    for row in board.rows:
        if row.method == method and downstream in ("", row.downstream) and says(row.variant, variant):
            return row
    return None


def says(variant: str, wanted: str) -> bool:
    """Return whether an arm's variant is the wanted one; what it says of other data need not be wanted.

    >>> says("p_split=0.2 text=pathcap", "p_split=0.2"), says("p_split=0.2", "")
    (True, False)
    """
    words = [word for word in variant.split() if word in wanted.split() or not word.startswith(_ROLES)]
    return fnmatch.fnmatchcase(" ".join(words), wanted)


def _place(
    layout: Layout, line: Line, metric: str, board: Leaderboard | None, row: Row | None, instead: Mapping[str, str]
) -> Measured:
    dataset = layout.value(DATASET, line.keys)
    published, doubt = line.numbers[metric], line.doubts.get(metric, "")
    reason = layout.absent.get(dataset, {}).get(metric, "")
    if reason:
        return Measured(None, reason, published, doubt)
    if board is None:
        return Measured(None, "the store has no results of this dataset", published, doubt)
    if row is None:
        return Measured(None, "this arm was not run with this network", published, doubt)
    cell = find_cell(row, layout, line, metric, instead.get(metric))
    if cell is None:
        return Measured(None, "" if not published else "not measured in these runs", published, doubt)
    return Measured(cell, "; ".join(filter(None, [row.warning, cell.reason])), published, doubt)


def find_cell(row: Row, layout: Layout, line: Line, metric: str, instead: str | None = None) -> Cell | None:
    """Return a row's cell of a metric of the layout, in the class and against the split that the line names.

    `instead` is the metric that stands for it, if any; it has the same class.
    """
    name, _, class_ = metric.removesuffix("]").partition("[")
    name = instead or name
    class_ = layout.classes.get(layout.value(DATASET, line.keys), {}).get(class_, class_)
    split = layout.asked(SPLIT, line.keys)

    def fits(column: Column) -> bool:
        same = (column.metric, column.kind, column.class_) == (name, "score", class_)
        return same and (not split or column.split in ("", split))

    return next((cell for column, cell in row.cells.items() if fits(column)), None)


def _replaced(layout: Layout, instead: Mapping[str, str]) -> list[str]:
    return [
        f"{other} stands for {name} in the column {layout.metrics[name].title}: the two are not comparable"
        for name, other in instead.items()
    ]


def _remarks(published: PublishedTable, used: Mapping[str, Leaderboard | None], stands: Mapping[str, str]) -> list[str]:
    layout = published.layout
    remarks = []
    for name, board in used.items():
        title = layout.title_of(DATASET, name)
        if board is None:
            continue
        seeds = max((row.seeds for row in board.rows), default=1)
        about = f"{title}: measured with {board.title}, {seeds} seed{'s' if seeds > 1 else ''}"
        if name in stands:
            about = (
                f"{board.dataset} stands for {title}: the measured numbers ({board.title}) are not comparable with the "
                "published ones, which are shown for the layout only"
            )
        elif board.preset != PAPER:
            about += "; this is not the published protocol"
        remarks.append(about)
        remarks.extend(f"{title}: {line}" for line in warnings(board))
    left = sorted(layout.title_of(DATASET, name) for name in published.datasets if stands and name not in stands)
    if left:
        remarks.append(f"the rows of {', '.join(left)} are left out: no dataset stands for it")
    return [*remarks, *layout.notes]
