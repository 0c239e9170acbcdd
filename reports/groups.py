"""The groups of columns that tables fold by: first the difference that is tested, then one group per question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from metrics.table import Group
from reports.board import Leaderboard
from reports.columns import Column

HEADLINE = "difference from real-only"
_DIFFERENCES, _COSTS, _OTHER = "other differences, not tested", "cost", "other"
TITLES: Mapping[Group, str] = {
    "sets": "distance to real images",
    "memorisation": "copying",
    "alignment": "captions",
    "faithfulness": "faithfulness",
    "reconstruction": "reconstruction",
    "selection": "selection",
    "instances": "nuclei",
    "types": "types of nuclei",
    "images": "classification",
    "readers": "reader study",
}


def headline_first(board: Leaderboard, columns: Sequence[Column]) -> list[Column]:
    """Return columns with the difference that is tested first, and its score after it."""
    first = [column for column in (board.primary, board.primary_score) if column is not None and column in columns]
    return [*first, *(column for column in columns if column not in first)]


def grouped(board: Leaderboard, columns: Sequence[Column]) -> dict[str, list[Column]]:
    """Return the columns of each group by its title, the group of the difference that is tested first."""
    groups: dict[str, list[Column]] = {}
    for column in headline_first(board, columns):
        groups.setdefault(group_title(board, column), []).append(column)
    return groups


def group_title(board: Leaderboard, column: Column) -> str:
    """Return the title of the group that a column belongs to."""
    if board.primary is not None and column in (board.primary, board.primary_score):
        return HEADLINE
    if column.kind == "cost":
        return _COSTS
    if column.kind == "difference":
        return _DIFFERENCES
    return _OTHER if column.about is None else TITLES[column.about.group]
