"""How much scores vary over training seeds and over generation seeds, where a run separates the two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from metrics.table import Metric, find
from reports.board import Leaderboard, Varies
from reports.columns import Column
from reports.numbers import number

_SHOWN = ("pq/image", "accuracy")


def spreads_of(frame: pd.DataFrame, known: Mapping[str, Metric]) -> list[Varies]:
    """Return the spreads of scores from rows of the kind `spread`."""
    found = []
    by = ["method", "variant", "downstream", "metric", "class"]
    for (method, variant, network, metric, class_), rows in frame.groupby(by, sort=False):
        values = {str(row["aggregation"]).split()[-2]: row["value"] for row in rows.to_dict("records")}
        if set(values) == {"training", "generation"} and all(value == value for value in values.values()):
            title = ", ".join([f"{method} ({variant})" if variant else str(method), str(network)])
            about = find(str(metric), known)
            column = Column(str(metric), "score", "", "", str(class_), "", "", about)
            found.append(Varies(title, column, float(values["training"]), float(values["generation"])))
    return found


def spread_lines(board: Leaderboard) -> Sequence[str]:
    """Return a line per arm and network on how much its main score varies."""
    return [
        f"{one.column.metric} of {one.title}: standard deviation {number(one.training, one.column)} over training "
        f"seeds (on one set), {number(one.generation, one.column)} over generation seeds"
        for one in board.spreads
        if one.column.metric in _SHOWN and not one.column.class_
    ]
