"""Which fidelity metric predicts utility: the order of arms by each metric, and by their gain over the baseline."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import pandas as pd

from bench.results.table import ALL_FOLDS
from metrics.agreement import Agreement, rank_agreement
from metrics.table import METRICS, Metric
from metrics.uncertainty import holm
from metrics.verdicts import SIGNIFICANT
from reports.board import POOLED, Leaderboard, Row
from reports.columns import Column, reading_order
from reports.leaderboard import Claims, leaderboard

OF_FIDELITY = ("sets", "alignment", "faithfulness", "reconstruction", "selection")
"""Groups of metrics that say how good synthetic images are; memorisation is another question."""


class Point(NamedTuple):
    """One arm on one board with one network: its number of a fidelity metric, and its gain."""

    board: str
    arm: str
    is_control: bool
    fidelity: float
    gain: float


@dataclass(frozen=True)
class Predictor:
    """A fidelity metric, and how well the order of arms by it agrees with that by their gains.

    `orientation` is 1 if a larger number should go with a larger difference, and -1 if a smaller one should, so that an
    agreement of 1 means "better goes with better". `methods` is the agreement over arms other than controls, which
    decides; `all_arms` has the controls, too. `p_holm` is corrected for all metrics of the table. `n_missing` arms
    lack the number.
    """

    column: Column
    orientation: int
    points: Sequence[Point]
    methods: Agreement
    all_arms: Agreement
    n_missing: int
    p_holm: float | None = None

    @property
    def verdict(self) -> str:
        """Whether the metric predicts the gain, in words."""
        if self.p_holm is None or self.p_holm >= SIGNIFICANT or self.methods.low <= 0 <= self.methods.high:
            return "undecided"
        return "predicts" if self.methods.tau > 0 else "predicts the opposite"

    def on(self, board: str) -> Agreement:
        """Return the agreement of the methods of one board."""
        return _agreement([one for one in self.points if one.board == board and not one.is_control], self.orientation)


@dataclass(frozen=True)
class Predictions:
    """The fidelity metrics of all boards of one preset and primary metric, whose differences are the gains.

    `missing` counts numbers that arms lack, by reason; `left_out` says which boards and arms do not count, and
    `outdated` is the number of rows of older versions.
    """

    preset: str
    gain: Column
    boards: Sequence[str]
    predictors: Sequence[Predictor]
    missing: Mapping[str, int]
    left_out: Sequence[str]
    outdated: int


def predictions(
    table: pd.DataFrame,
    dataset: str | None = None,
    preset: str | None = None,
    *,
    known: Mapping[str, Metric] = METRICS,
    primary: str = "",
) -> list[Predictions]:
    """Return the agreement of fidelity metrics with gains, for each preset and primary metric.

    Args:
        table: rows as returned by `bench.results.table.ResultsStore.table`.
        dataset: keep only this dataset.
        preset: keep only this preset.
        known: metrics by id, including those of other packages.
        primary: the metric whose differences from the baseline are the gains; by default that of the track.

    Only numbers of a metric's newest version count, in the whole table. Every arm of a board counts once per network,
    with its numbers over all seeds and folds.
    """
    versions = pd.Series(list(zip(table["harness"], table["protocol"], strict=True)), index=table.index, dtype=object)
    current = table[versions == versions.groupby(table["metric"]).transform("max")]
    places: dict[tuple[str, Column], list[Leaderboard]] = {}
    for board in leaderboard(current, dataset, preset, known=known, claims=Claims(primary)):
        if board.primary is not None:
            places.setdefault((board.preset, board.primary), []).append(board)
    outdated = len(table) - len(current)
    return [_of_place(name, gain, boards, outdated) for (name, gain), boards in places.items()]


def _of_place(preset: str, gain: Column, boards: Sequence[Leaderboard], outdated: int) -> Predictions:
    together = {_place(board) for board in boards if board.fold == ALL_FOLDS}
    boards = [board for board in boards if board.fold != POOLED or _place(board) not in together]
    readable = [board for board in boards if not board.unreadable and not board.checks_plumbing]
    columns = reading_order({replace(c, tag="") for board in readable for c in board.columns if _is_fidelity(c)})
    missing: Counter[str] = Counter()
    drafts = [_predictor(column, gain, readable, missing) for column in columns]
    drafts = [draft for draft in drafts if draft.points]
    adjusted = holm([draft.methods.p for draft in drafts])
    found = [replace(draft, p_holm=None if p != p else float(p)) for draft, p in zip(drafts, adjusted, strict=True)]
    names = dict.fromkeys(point.board for draft in found for point in draft.points)
    return Predictions(preset, gain, list(names), found, missing, list(_left_out(boards)), outdated)


def _place(board: Leaderboard) -> tuple[str, str, str, str]:
    return board.dataset, board.division, board.data, board.budget


def _is_fidelity(column: Column) -> bool:
    named = column.about is not None and column.about.group in OF_FIDELITY
    return named and column.kind == "score" and not column.class_ and column.direction in ("higher", "lower")


def _predictor(column: Column, gain: Column, boards: Sequence[Leaderboard], missing: Counter[str]) -> Predictor:
    points, n_missing = [], 0
    for board, row in _arms(boards):
        own = next((one for one in board.columns if replace(one, tag="") == column), None)
        if own is None:
            continue  # the board was not scored with this metric
        cell, difference = row.cells.get(own), row.cells[gain].value
        if cell is not None and cell.value is not None and difference is not None:
            points.append(Point(_name(board, row), row.title, row.is_control, cell.value, difference))
        else:
            n_missing += 1
            missing[(cell.reason if cell is not None else "") or "not measured for this arm"] += 1
    orientation = 1 if column.direction == gain.direction else -1
    methods = _agreement([point for point in points if not point.is_control], orientation)
    return Predictor(column, orientation, points, methods, _agreement(points, orientation), n_missing)


def _arms(boards: Sequence[Leaderboard]) -> Iterator[tuple[Leaderboard, Row]]:
    """Yield the rows with a gain; an arm with a leak proves nothing."""
    for board in boards:
        for row in board.rows:
            gain = None if board.primary is None else row.cells.get(board.primary)
            if not row.leak and gain is not None and gain.value is not None:
                yield board, row


def _name(board: Leaderboard, row: Row) -> str:
    return " · ".join(part for part in (board.title, row.downstream) if part)


def _agreement(points: Sequence[Point], orientation: int) -> Agreement:
    boards: dict[str, dict[str, tuple[float, float]]] = {}
    for point in points:
        boards.setdefault(point.board, {})[point.arm] = (orientation * point.fidelity, point.gain)
    return rank_agreement(list(boards.values()))


def _left_out(boards: Sequence[Leaderboard]) -> Iterator[str]:
    for board in boards:
        if board.checks_plumbing:
            yield f"{board.title}: the numbers of preset tiny mean nothing"
        elif board.unreadable:
            yield f"{board.title}: it cannot be read, since {'; '.join(board.unreadable)}"
        else:
            leaks = [row.title for row in board.rows if row.leak]
            if leaks:
                yield f"{board.title}: {', '.join(dict.fromkeys(leaks))} (sets that hold or resemble test images)"
