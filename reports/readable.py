"""Whether the controls of a board behave as they must; where they do not, no other row can be trusted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reports.board import Cell, Row
from reports.columns import Column
from reports.numbers import number

NEEDED = ("copy", "noise")


def unreadable(rows: Sequence[Row], columns: Sequence[Column], primary: Column | None) -> list[str]:
    """Return why a board cannot be read; empty if its controls behave.

    - Both controls are there, if arms are compared with the baseline at all.
    - The images of `noise` are not nearer to real ones than those of `copy`, in any distance between sets.
    - `noise` does not train a better network than `copy`: the interval of its difference from the baseline is not
      beyond that of `copy`.
    - `copy` is below the floor of the training split, which it is copied from, in a main distance of each encoder.
    """
    lacking = [name for name in NEEDED if not any(row.method == name for row in rows)]
    reasons = [f"the control {name} is missing" for name in lacking if primary is not None]
    reasons += dict.fromkeys(_noise_nearer(rows, columns))
    reasons += dict.fromkeys(_noise_better(rows, primary)) if primary is not None else []
    return [*reasons, *dict.fromkeys(_copy_not_below(rows, columns))]


def _noise_nearer(rows: Sequence[Row], columns: Sequence[Column]) -> Iterator[str]:
    distances = [c for c in columns if c.is_distance and c.direction == "lower" and c.about and c.about.group == "sets"]
    for column in distances:
        for noise, copy in _pairs(rows, column):
            if noise.n == copy.n and noise.value is not None and copy.value is not None and noise.value < copy.value:
                values = f"{number(noise.value, column)} and {number(copy.value, column)}"
                yield f"noise is nearer to real images than copy ({' '.join(column.heading())}: {values})"


def _noise_better(rows: Sequence[Row], primary: Column) -> Iterator[str]:
    for noise, copy in _pairs(rows, primary):
        bounds = (noise.low, noise.high, copy.low, copy.high)
        low, high, least, most = (float("nan") if bound is None else bound for bound in bounds)
        if (low > most) if primary.direction == "higher" else (high < least):
            yield f"noise is better than copy in {primary.score_name}"


def _copy_not_below(rows: Sequence[Row], columns: Sequence[Column]) -> Iterator[str]:
    to_train = [column for column in columns if column.is_distance and column.is_main and column.split == "train"]
    for row in (row for row in rows if row.method == "copy"):
        for encoder in dict.fromkeys(column.encoder for column in to_train):
            found = {c: row.cells[c] for c in to_train if c.encoder == encoder and c in row.cells}
            standings = {column: cell.standing for column, cell in found.items() if cell.standing}
            if standings and "below" not in standings.values():
                column, standing = next(iter(standings.items()))
                name = " ".join(column.heading())
                yield f"copy is {standing} the floor of the split that it copies ({name}), not below it"


def _pairs(rows: Sequence[Row], column: Column) -> Iterator[tuple[Cell, Cell]]:
    """Yield the cells of `noise` and `copy` that were tested with the same network at the same ratio."""
    for noise in (row for row in rows if row.method == "noise" and column in row.cells):
        for copy in (row for row in rows if row.method == "copy" and column in row.cells):
            if (noise.downstream, noise.ratio) == (copy.downstream, copy.ratio):
                yield noise.cells[column], copy.cells[column]
