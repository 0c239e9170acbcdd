"""The balance of classes before and after, and confusion matrices, as tables of shares."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from bench.results.evidence import BACKGROUND, Balance, Confusion
from reports.report.material import Run


class Share(NamedTuple):
    """A count and its share, in [0, 1], of a whole."""

    n: int
    share: float

    @property
    def percent(self) -> str:
        """The share in percent: 12 %, 1.4 %, 0 %."""
        percent = 100 * self.share
        return f"{percent:.1f} %" if 0 < percent < 10 else f"{percent:.0f} %"


class BalanceTable(NamedTuple):
    """Shares of classes (rows) in the real training data and in those of each arm (columns)."""

    unit: str
    columns: Sequence[str]
    rows: Sequence[tuple[str, Sequence[Share]]]
    totals: Sequence[int]


class Matrix(NamedTuple):
    """A confusion matrix; shares are of all nuclei or images of the true class."""

    arm: str
    downstream: str
    classes: Sequence[str]
    rows: Sequence[Sequence[Share]]

    @property
    def of_nuclei(self) -> bool:
        """Whether its first class is that of nuclei that were missed or invented, which none can be both."""
        return self.classes[0] == BACKGROUND and self.rows[0][0].n == 0


def balances_of(runs: Sequence[Run]) -> list[BalanceTable]:
    """Return a table for each unit; an arm that several runs have is shown as in the newest."""
    newest: dict[str, dict[str, Balance]] = {}
    last: dict[str, Balance] = {}
    for run in runs:
        for one in run.evidence.balances if run.evidence is not None else ():
            newest.setdefault(one.unit, {})[one.arm] = last[one.unit] = one
    return [_balance(unit, list(of_unit.values()), last[unit]) for unit, of_unit in newest.items()]


def _balance(unit: str, balances: Sequence[Balance], newest: Balance) -> BalanceTable:
    real = newest.real
    classes = list(dict.fromkeys([*real, *(name for one in balances for name in (*one.real, *one.synthetic))]))
    sets = [real, *({name: one.real.get(name, 0) + one.synthetic.get(name, 0) for name in classes} for one in balances)]
    totals = [sum(counts.values()) for counts in sets]
    rows = [
        (name, [_share(counts.get(name, 0), n) for counts, n in zip(sets, totals, strict=True)]) for name in classes
    ]
    return BalanceTable(unit, ["real", *(f"real + {one.arm}" for one in balances)], rows, totals)


def confusions_of(runs: Sequence[Run], order: Sequence[str]) -> list[Matrix]:
    """Return the matrix of each arm and network, in the order of arms on boards.

    It is that of the newest run of all folds, and the sum over folds if only runs of single folds have it.
    """
    newest: dict[tuple[str, str], dict[str, Confusion]] = {}
    for run in runs:
        if run.evidence is not None:
            for one in run.evidence.confusions:
                newest.setdefault((one.downstream, one.arm), {})[str(run.document.request.get("fold") or "")] = one
    place = {title: index for index, title in enumerate(order)}
    ordered = sorted(newest.items(), key=lambda item: (item[0][0], place.get(item[0][1], len(place)), item[0][1]))
    return [_matrix([folds[""]] if "" in folds else list(folds.values())) for _, folds in ordered]


def _matrix(folds: Sequence[Confusion]) -> Matrix:
    counts = [
        [sum(column) for column in zip(*rows, strict=True)] for rows in zip(*(one.counts for one in folds), strict=True)
    ]
    rows = [[_share(count, sum(row)) for count in row] for row in counts]
    return Matrix(folds[0].arm, folds[0].downstream, folds[0].classes, rows)


def _share(count: int, whole: int) -> Share:
    return Share(count, count / whole if whole else 0.0)


def colours_of(runs: Iterable[Run]) -> Mapping[str, str]:
    """Return the colours of classes, those of the newest run if runs differ."""
    found: dict[str, str] = {}
    for run in runs:
        if run.evidence is not None:
            found |= run.evidence.colours
    return found
