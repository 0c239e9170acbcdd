"""Leaderboards as plain CSV: unrounded numbers for other programs, with everything that other formats say."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from bench.harmless import csv_cell
from reports.board import Cell, Leaderboard, Row
from reports.columns import Column, reading_order
from reports.remarks import remarks, warnings
from reports.spreads import spread_lines
from reports.verdicts import STAR, rank_text

_LEAD = ("method", "dataset", "variant", "downstream", "preset", "seeds")
_ABOUT = ("data", "set", "leak", "primary", "verdict", "best", "rank", "distinct", "generators", "group_kind")
_LAST = ("remarks",)
_OF_ANY = ("n", "n_groups", "n_effective", "reason")
_OF_FLOORS = ("floor", "floor_low", "floor_high", "floor_within", "standing")
_OF_DIFFERENCES = ("p_holm", "mark", "detectable")


def render_csv(boards: Sequence[Leaderboard], *, with_dataset: bool = False) -> str:
    """Return boards, one per dataset, as one CSV table.

    The columns are `method`, (`dataset`,) `variant`, `downstream`, `preset`, `seeds`; then what is known of the arm:
    `data` and `set` (starts of digests, where names are not enough), `leak`, the `primary` metric with the arm's
    `verdict`, `best` (★) and `rank`, the numbers of `distinct` networks and of `generators`, and `group_kind`. Then
    there are for each metric, first that of the difference that is tested, `<metric>`, `<metric>_low` and
    `<metric>_high`, and `_n`, `_n_groups`, `_n_effective` and `_reason`; for distances also `_floor`, `_floor_low`,
    `_floor_high`, `_floor_within` and `_standing`, and for differences `_p_holm`, `_mark` and `_detectable`. The last
    column, `remarks`, is what other formats say above and below the table. Missing values are empty. The method of an
    arm with a leak says so.
    """
    columns = reading_order({column for board in boards for column in board.columns})
    tested = {board.primary for board in boards}
    columns = sorted(columns, key=lambda column: column not in tested)
    lead = [name for name in _LEAD if with_dataset or name != "dataset"]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = [f"{column.name}{suffix}" for column in columns for suffix in _suffixes(column)]
    writer.writerow(map(csv_cell, [*lead, *_ABOUT, *names, *_LAST]))
    for board in boards:
        said = "; ".join([*warnings(board), *remarks(board), *spread_lines(board)])
        for index, row in enumerate(board.rows):
            named = _named(board, index, row) | {"remarks": said}
            numbers = [text for column in columns for text in _cells(board, index, column)]
            texts = [*(named[name] for name in (*lead, *_ABOUT)), *numbers, *(named[name] for name in _LAST)]
            writer.writerow([csv_cell(str(text)) for text in texts])
    return text.getvalue()


def _named(board: Leaderboard, index: int, row: Row) -> dict[str, object]:
    kinds = sorted({cell.group_kind for cell in row.cells.values()} - {""})
    return {
        "method": " ".join(part for part in (row.method, row.warning) if part),
        "dataset": board.dataset,
        "variant": row.variant,
        "downstream": row.downstream,
        "preset": board.preset,
        "seeds": row.seeds,
        "data": board.data,
        "set": row.set,
        "leak": row.leak,
        "primary": "" if board.primary is None else board.primary.score_name,
        "verdict": board.verdicts.get(index, ""),
        "best": STAR if index in board.best else "",
        "rank": rank_text(board, index),
        "distinct": row.distinct,
        "generators": row.generators,
        "group_kind": " ".join(kinds),
    }


def _suffixes(column: Column) -> list[str]:
    of_kind = _OF_DIFFERENCES if column.kind == "difference" else _OF_FLOORS if column.is_distance else ()
    return ["", "_low", "_high", *(f"_{name}" for name in (*_OF_ANY, *of_kind))]


def _cells(board: Leaderboard, index: int, column: Column) -> list[str]:
    cell = board.rows[index].cells.get(column, Cell(None))
    known = {"": cell.value, "_mark": board.mark(index, column)}
    values = (known[name] if name in known else getattr(cell, name.removeprefix("_")) for name in _suffixes(column))
    return ["" if value is None else value if isinstance(value, str) else repr(value) for value in values]
