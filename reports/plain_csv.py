"""Leaderboards as plain CSV: unrounded numbers for other programs."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from reports.board import Cell, Leaderboard
from reports.columns import Column, reading_order


def render_csv(boards: Sequence[Leaderboard], *, with_dataset: bool = False) -> str:
    """Return boards, one per dataset, as one CSV table.

    The columns are `method`, (`dataset`,) `variant`, `downstream`, `preset`, `seeds`; then for each metric
    `<metric>`, `<metric>_low` and `<metric>_high`, and for differences `<metric>_p_holm`. Missing values are empty.
    """
    columns = reading_order({column for board in boards for column in board.columns})
    lead = ["method", *(["dataset"] if with_dataset else []), "variant", "downstream", "preset", "seeds"]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(lead + [name for column in columns for name in _names(column)])
    for board in boards:
        for row in board.rows:
            named: dict[str, object] = {
                "method": row.method,
                "dataset": board.dataset,
                "variant": row.variant,
                "downstream": row.downstream,
                "preset": board.preset,
                "seeds": row.seeds,
            }
            numbers = [number for column in columns for number in _numbers(column, row.cells.get(column))]
            writer.writerow([named[name] for name in lead] + numbers)
    return text.getvalue()


def _names(column: Column) -> list[str]:
    names = [column.name, f"{column.name}_low", f"{column.name}_high"]
    return [*names, f"{column.name}_p_holm"] if column.kind == "difference" else names


def _numbers(column: Column, cell: Cell | None) -> list[str]:
    values = (None, None, None, None) if cell is None else (cell.value, cell.low, cell.high, cell.p_holm)
    kept = values if column.kind == "difference" else values[:3]
    return ["" if value is None else repr(value) for value in kept]
