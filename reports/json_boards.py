"""Leaderboards as JSON, for programs: unrounded numbers with all that is known of them, in a documented form.

`python -m reports.json_boards docs/schemas/leaderboard.json` writes the schema, and a test checks it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from bench.contract import Settings
from reports.board import Cell, Leaderboard, Row
from reports.columns import Column
from reports.groups import group_title, headline_first
from reports.remarks import remarks, warnings
from reports.spreads import spread_lines
from reports.verdicts import has_rank

_SCHEMA = "https://json-schema.org/draft/2020-12/schema"


class _Part(Settings, allow_inf_nan=False, use_attribute_docstrings=True):
    """Base of the parts of the document: NaN, which JSON lacks, is refused."""


class JsonColumn(_Part):
    """What the numbers of a column are."""

    id: str
    """The name under which rows have the column's cells."""
    metric: str
    kind: Literal["score", "difference", "cost"]
    """A difference is from `real-only` in the same metric, positive if the arm's value is the larger."""
    group: str
    """The title of the group that tables fold by."""
    encoder: str
    """Name of the encoder with its weights and preprocessing; empty for a metric without encoder."""
    split: str
    """The split that a distance is to; empty for other metrics."""
    class_name: str
    """The class that the metric is of; empty for a metric of all classes."""
    direction: Literal["higher", "lower", "none", ""]
    """Which values are better."""
    unit: str
    main: bool
    """Whether a page-wide table shows the column."""


class JsonCell(_Part):
    """A number and what is known of it; null and empty texts are unknown."""

    value: float | None
    low: float | None
    """Lower bound of the 95 % interval."""
    high: float | None
    """Upper bound of the 95 % interval."""
    reason: str
    """Why there is no number or no interval, or what else must be known of it."""
    verdict: Literal["better", "worse", "equivalent", "undecided", ""]
    """What is known of the difference that is tested; empty for all other columns, and where nothing may be claimed."""
    p_holm: float | None
    """The p-value within the run that wrote it, by Holm's procedure."""
    detectable: float | None
    """The smallest difference that an interval like this one would find in 80 % of repetitions."""
    n: int | None
    """Number of images."""
    n_groups: int | None
    n_effective: float | None
    """The groups that contribute to the number, as if all were of one size."""
    group_kind: str
    """What a group is, for example a slide."""
    seeds: int
    floor: float | None
    """What real images score; for distances only, as the following fields."""
    floor_low: float | None
    floor_high: float | None
    floor_within: float | None
    """What real images of the same slides score."""
    standing: str
    """The place in relation to the range of the floor: below, on or above."""


class JsonRank(_Part):
    """The place among all arms and the baseline in the primary metric, 1 being the best, with its range."""

    value: float
    low: float | None
    high: float | None


class JsonRow(_Part):
    """One arm, tested with one network."""

    method: str
    variant: str
    network: str
    title: str
    control: bool
    ratio: float | None
    """Synthetic : real images of the training set."""
    set: str
    """Start of the digest of the arm's set, where names are not enough."""
    leak: str
    """What is wrong with the set in relation to the test images; its numbers prove nothing."""
    leak_checked: bool
    seeds: int
    distinct_networks: int
    generators: int
    """Number of generators that were trained separately; 0 for a method that trains nothing."""
    verdict: Literal["better", "worse", "equivalent", "undecided", ""]
    best: bool
    """Whether the arm is better than the baseline, and not distinguishable from the best such arm."""
    rank: JsonRank | None
    cells: dict[str, JsonCell]
    """By the id of the column; a column without meaning for the arm is left out."""


class JsonBoard(_Part):
    """Arms that can be compared: of one dataset, preset, budget, division and fold."""

    title: str
    dataset: str
    data: str
    """Start of the digest of the data, where the name is not enough."""
    preset: str
    budget: str
    division: str
    fold: str
    primary: str | None
    """The id of the column of differences that is tested."""
    smallest_effect: float | None
    """The smallest difference that is of interest."""
    unreadable: list[str]
    """Why the controls do not allow to read the board; there are no verdicts then."""
    warnings: list[str]
    """What must be read before the numbers."""
    remarks: list[str]
    columns: list[JsonColumn]
    rows: list[JsonRow]


class JsonLeaderboards(_Part):
    """What `bench leaderboard --format json` prints: boards, the newest first."""

    schema_version: Literal[1]
    boards: list[JsonBoard]


def render_json(boards: Sequence[Leaderboard]) -> str:
    """Return boards with all of their columns."""
    document = JsonLeaderboards(schema_version=1, boards=[_board(board) for board in boards])
    return json.dumps(document.model_dump(mode="json"), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def schema_text() -> str:
    """Return the JSON Schema of what `render_json` returns."""
    schema = {"$schema": _SCHEMA, **JsonLeaderboards.model_json_schema(mode="serialization")}
    return json.dumps(schema | {"title": "bench leaderboard --format json"}, indent=2, ensure_ascii=False) + "\n"


def _board(board: Leaderboard) -> JsonBoard:
    main = board.main
    return JsonBoard(
        **{name: getattr(board, name) for name in ("title", "dataset", "data", "preset", "budget", "division", "fold")},
        primary=None if board.primary is None else board.primary.name,
        smallest_effect=board.smallest_effect,
        unreadable=list(board.unreadable),
        warnings=warnings(board),
        remarks=[*remarks(board), *spread_lines(board)],
        columns=[_column(board, column, column in main) for column in headline_first(board, board.columns)],
        rows=[_row(board, index, row) for index, row in enumerate(board.rows)],
    )


def _column(board: Leaderboard, column: Column, main: bool) -> JsonColumn:
    about: dict[str, Any] = {
        name: getattr(column, name) for name in ("metric", "kind", "encoder", "split", "direction")
    }
    unit = "" if column.about is None else column.about.unit
    group = group_title(board, column)
    return JsonColumn(id=column.name, class_name=column.class_, unit=unit, main=main, group=group, **about)


def _row(board: Leaderboard, index: int, row: Row) -> JsonRow:
    rank = board.rank(index) if has_rank(board, index) else None
    cells = {column: row.cells[column] for column in board.columns if column in row.cells}
    word: Any = board.verdicts.get(index, "")
    return JsonRow(
        method=row.method,
        variant=row.variant,
        network=row.downstream,
        title=row.title,
        control=row.is_control,
        ratio=row.ratio,
        set=row.set,
        leak=row.leak,
        leak_checked=row.checked,
        seeds=row.seeds,
        distinct_networks=row.distinct,
        generators=row.generators,
        verdict=word,
        best=index in board.best,
        rank=None if rank is None or rank.value is None else JsonRank(value=rank.value, low=rank.low, high=rank.high),
        cells={column.name: _cell(cell, word if column == board.primary else "") for column, cell in cells.items()},
    )


def _cell(cell: Cell, verdict: Any) -> JsonCell:
    known = {name: getattr(cell, name) for name in JsonCell.model_fields if name != "verdict"}
    return JsonCell(**known, verdict=verdict)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(schema_text(), encoding="utf-8")
