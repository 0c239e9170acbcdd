"""The data of a leaderboard, independent of how it is filled and drawn."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from bench.results.table import ALL_FOLDS
from reports.columns import Column, main_columns

BASELINE = "real-only"
CONTROLS = (BASELINE, "copy", "noise", "classic", "more-real", "shuffled-labels", "recompressed-real")
MIN_SEEDS = 3
POOLED = "pooled"
"""Fold of a board of scores that are computed from the predictions of all folds together."""
WARNING = "⚠"


@dataclass(frozen=True)
class Cell:
    """One number and what is known about it, as in the columns of a row; parts that are missing are None or empty."""

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
    n_groups: int | None = None
    n_effective: float | None = None
    group_kind: str = ""
    n_distinct: int | None = None
    generators: int = 0
    floor_low: float | None = None
    floor_high: float | None = None
    floor_within: float | None = None
    standing: str = ""
    detectable: float | None = None

    @property
    def distinct(self) -> int:
        """Number of seeds that count: seeds that give the same network or set count once."""
        return self.seeds if self.n_distinct is None else min(self.seeds, self.n_distinct)


@dataclass(frozen=True)
class Row:
    """One arm, tested with one downstream network; `ratio` is synthetic : real, None if it is not known.

    `set` is the start of the digest of the arm's set, if another row has the same name and another set. `leak` says
    what is wrong with the set in relation to the test split, and `checked` whether that was looked for.
    """

    method: str
    variant: str
    downstream: str
    cells: Mapping[Column, Cell]
    ratio: float | None = None
    set: str = ""
    leak: str = ""
    checked: bool = False

    @property
    def seeds(self) -> int:
        """Number of seeds that the scores are based on."""
        return max((cell.seeds for column, cell in self.cells.items() if column.kind == "score"), default=0)

    @property
    def distinct(self) -> int:
        """Number of different networks behind the scores of networks."""
        scores = [cell for column, cell in self.cells.items() if column.kind == "score" and not column.is_of_images]
        return max((cell.distinct for cell in scores), default=0)

    @property
    def generators(self) -> int:
        """Number of generators that were trained separately; 0 if the method trains nothing."""
        return 0 if self.is_control else max((cell.generators for cell in self.cells.values()), default=0)

    @property
    def is_control(self) -> bool:
        """Whether the arm is a control."""
        return self.method in CONTROLS

    @property
    def title(self) -> str:
        """The name of the arm as it is displayed."""
        about = ", ".join(part for part in (self.variant, f"set {self.set}" if self.set else "") if part)
        return f"{self.method} ({about})" if about else self.method

    @property
    def warning(self) -> str:
        """What belongs next to the name of an arm with a leak; empty for others."""
        return f"{WARNING} {self.leak}" if self.leak else ""


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

    `data` is the start of the digest of the data if the dataset's name does not identify them. `primary` is the
    difference that is tested, within `smallest_effect` of 0 it is of no interest, and `verdicts` are the words for it
    by row. `best` holds the rows to print in bold in the score of that metric. `unreadable` says why the controls do
    not allow to read the board; it has no verdicts then. `doubts` speak against every number of it.
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
    data: str = ""
    primary: Column | None = None
    smallest_effect: float | None = None
    verdicts: Mapping[int, str] = field(default_factory=dict)
    best: Collection[int] = ()
    doubts: Sequence[str] = ()
    unreadable: Sequence[str] = ()
    spreads: Sequence[Varies] = ()

    @property
    def main(self) -> list[Column]:
        """The columns of a page-wide table: the main ones, and scores of images only if an arm has one."""
        deficient = {column.encoder for column in self.columns if column.is_frechet and self.deficient(column)}
        deficient &= {column.encoder for column in self.columns if column.is_kernel}
        shown = main_columns(self.columns, self.rare, deficient)
        primary = [column for column in self.columns if column in (self.primary, self.primary_score)]
        kept = [c for c in self.columns if c in shown or c in primary]
        return [column for column in kept if not column.is_of_images or self._has_number(column)]

    @property
    def primary_score(self) -> Column | None:
        """The score whose differences are tested."""
        if self.primary is None:
            return None
        about = (self.primary.metric, self.primary.class_)
        return next((c for c in self.columns if c.kind == "score" and (c.metric, c.class_) == about), None)

    @property
    def checks_plumbing(self) -> bool:
        """Whether the preset is for tests of the pipeline, so that no number means anything."""
        return self.preset.partition("+")[0] == "tiny"

    def deficient(self, column: Column) -> str:
        """Return the remark on a Fréchet distance of too few images; empty if there are enough."""
        reasons = (row.cells[column].reason for row in self.rows if column in row.cells)
        return next((reason for reason in reasons if "rank deficient" in reason.replace("-", " ")), "")

    def mark(self, index: int, column: Column) -> str:
        """Return ▲ for a difference that is better and ▼ for one that is worse; only the primary one has a mark."""
        verdict = self.verdicts.get(index, "") if column == self.primary else ""
        return {"better": "▲", "worse": "▼"}.get(verdict, "")

    def is_best(self, index: int, column: Column) -> bool:
        """Return whether a score is printed in bold."""
        return index in self.best and column == self.primary_score

    def rank(self, index: int) -> Cell | None:
        """Return the rank of a row in the primary metric, if it is known."""
        if self.primary is None:
            return None
        about = ("rank", self.primary.metric, self.primary.class_)
        cells = self.rows[index].cells.items()
        return next((cell for column, cell in cells if (column.kind, column.metric, column.class_) == about), None)

    def _has_number(self, column: Column) -> bool:
        return any(column in row.cells and row.cells[column].value is not None for row in self.rows)

    @property
    def title(self) -> str:
        """What the comparison is based on."""
        named = self.fold in (ALL_FOLDS, POOLED)
        fold = f"{self.fold} folds" if named else f"fold {self.fold}" if self.fold else ""
        data = f"data {self.data}" if self.data else ""
        parts = [self.dataset, data, self.preset, self.budget, self.division, fold]
        return " · ".join(part for part in parts if part)
