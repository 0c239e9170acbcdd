"""The data of a leaderboard, independent of how it is filled and drawn."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from bench.results.table import ALL_FOLDS
from reports.columns import Column, main_columns

BASELINE = "real-only"
CONTROLS = (BASELINE, "copy", "noise", "classic", "more-real", "shuffled-labels")
SIGNIFICANT = 0.05
MIN_SEEDS = 3
POOLED = "pooled"
"""Fold of a board of scores that are computed from the predictions of all folds together."""


@dataclass(frozen=True)
class Cell:
    """One number and what is known about it; parts that are missing are None."""

    value: float | None
    low: float | None = None
    high: float | None = None
    ci_method: str = ""
    n: int | None = None
    floor: float | None = None
    seeds: int = 1
    p: float | None = None
    p_holm: float | None = None
    reason: str = ""
    n_skipped: int | None = None


@dataclass(frozen=True)
class Row:
    """One arm, tested with one downstream network; `ratio` is synthetic : real, None if it is not known."""

    method: str
    variant: str
    downstream: str
    cells: Mapping[Column, Cell]
    ratio: float | None = None

    @property
    def seeds(self) -> int:
        """Number of seeds that the scores are based on."""
        return max((cell.seeds for column, cell in self.cells.items() if column.kind == "score"), default=0)

    @property
    def is_control(self) -> bool:
        """Whether the arm is a control."""
        return self.method in CONTROLS

    @property
    def title(self) -> str:
        """The name of the arm as it is displayed."""
        return f"{self.method} ({self.variant})" if self.variant else self.method


@dataclass(frozen=True)
class Varies:
    """How much a score varies over training seeds and over generation seeds, as standard deviations."""

    title: str
    column: Column
    training: float
    generation: float


@dataclass(frozen=True)
class Leaderboard:
    """Arms that can be compared: one dataset, preset, budget, division and fold; each column has one protocol version.

    `best` holds the rows to mark in each column and is empty if marking is not allowed. `verdicts` says whether a row's
    difference is better (+1) or worse (-1) than the baseline; a difference is absent if nothing can be said about it.
    """

    dataset: str
    preset: str
    budget: str
    fold: str
    columns: Sequence[Column]
    rows: Sequence[Row]
    rare: Collection[str] = ()
    outdated: int = 0
    newest: int = 0
    division: str = ""
    best: Mapping[Column, Collection[int]] = field(default_factory=dict)
    verdicts: Mapping[tuple[int, Column], int] = field(default_factory=dict)
    spreads: Sequence[Varies] = ()

    @property
    def main(self) -> list[Column]:
        """The columns of a page-wide table: the main ones, and scores of images only if an arm has one."""
        shown = main_columns(self.columns, self.rare)
        return [column for column in shown if not column.is_of_images or self._has_number(column)]

    def _has_number(self, column: Column) -> bool:
        return any(column in row.cells and row.cells[column].value is not None for row in self.rows)

    @property
    def title(self) -> str:
        """What the comparison is based on."""
        named = self.fold in (ALL_FOLDS, POOLED)
        fold = f"{self.fold} folds" if named else f"fold {self.fold}" if self.fold else ""
        parts = [self.dataset, self.preset, self.budget, self.division, fold]
        return " · ".join(part for part in parts if part)
