"""Leaderboards: the results table, rearranged so that one row is one arm."""

from __future__ import annotations

import re
from collections.abc import Collection, Hashable, Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd

from bench.results.table import ALL_FOLDS, POOLED_FOLDS
from metrics.table import METRICS, Metric, find
from reports.board import CONTROLS, POOLED, Cell, Leaderboard, Row
from reports.columns import Column, reading_order
from reports.ranking import best_rows, verdicts
from reports.spreads import spreads_of


def leaderboard(
    table: pd.DataFrame,
    dataset: str | None = None,
    preset: str | None = None,
    *,
    costs: bool = False,
    folds: bool = False,
    rare: Mapping[str, Collection[str]] | None = None,
    known: Mapping[str, Metric] = METRICS,
) -> list[Leaderboard]:
    """Convert a results table to leaderboards, the newest first.

    Args:
        table: rows as returned by `bench.results.table.ResultsStore.table`, the oldest run first.
        dataset: keep only this dataset.
        preset: keep only this preset.
        costs: whether to make columns of cost rows.
        folds: whether to make boards of single folds, too, if all folds together have a board.
        rare: names of the rare classes by dataset, which are among the main columns.
        known: metrics by id, including those of other packages.
    """
    frame = table.reset_index(drop=True)
    for name, wanted in (("dataset", dataset), ("preset", preset)):
        frame = frame if wanted is None else frame[frame[name] == wanted]
    spread = frame[frame["kind"] == "spread"]
    frame = frame[frame["kind"].isin(["score", "difference", "cost"] if costs else ["score", "difference"])]
    frame = frame.assign(fold=frame["fold"].mask(frame["aggregation"] == POOLED_FOLDS, POOLED))
    together = {tuple(key) for key in frame[frame["fold"] == ALL_FOLDS][_DIVIDED].to_numpy()}
    frame = frame.assign(downstream=_told_apart(frame))
    boards = []
    for (data, label, division, fold), part in frame.groupby([*_DIVIDED, "fold"], sort=False):
        if not folds and (data, label, division) in together and fold not in (ALL_FOLDS, POOLED):
            continue
        # numbers that do not depend on the training budget (distances) are on every board
        for budget in [b for b in part["budget"].unique() if b] or [""]:
            place = [data, label, division, fold, budget]
            rows, columns, outdated = _rows(part[part["budget"].isin([budget, ""])], known)
            boards.append(
                Leaderboard(
                    str(data),
                    str(label),
                    str(budget),
                    str(fold),
                    columns,
                    rows,
                    (rare or {}).get(str(data), ()),
                    outdated,
                    int(part[part["budget"] == budget].index.max()),
                    str(division),
                    best_rows(rows, columns),
                    verdicts(rows, columns),
                    spreads_of(spread[(spread[[*_DIVIDED, "fold", "budget"]] == place).all(axis=1)], known),
                )
            )
    return sorted(boards, key=lambda board: -board.newest)


def _told_apart(frame: pd.DataFrame) -> list[str]:
    """Return each row's network, with what its training started from if rows of the network differ in it."""
    starts: dict[str, set[str]] = {}
    pairs = list(zip(frame["downstream"], frame["starts_from"], strict=True))
    for network, start in pairs:
        starts.setdefault(network, set()).update({start} - {"", "released"})  # a released network is an arm of its own
    return [
        f"{network} (weights: {start})" if start in starts[network] and len(starts[network]) > 1 else network
        for network, start in pairs
    ]


def _rows(frame: pd.DataFrame, known: Mapping[str, Metric]) -> tuple[list[Row], list[Column], int]:
    names = _columns(frame, known)
    columns = reading_order(set(names))
    places = {column: place for place, column in enumerate(columns)}
    frame = frame.assign(place=[places[name] for name in names])
    frame = frame.assign(version=list(zip(frame["harness"], frame["protocol"], strict=True)))
    newest = frame.groupby("place")["version"].max()
    current = frame[frame["version"] == frame["place"].map(newest)]
    rows = []
    keys = _networks(current)
    ratios = {key[:2]: {other.ratio for other in keys if other[:2] == key[:2]} for key in keys}
    for key in keys:
        arm = current[(current["method"] == key.method) & (current["variant"] == key.variant)]
        arm = arm[arm["downstream"].isin([key.downstream, ""])]
        arm = arm[(arm["ratio"] == key.ratio) | arm["ratio"].isna()]
        # rows of all seeds together are sorted before those of single seeds
        first = arm.sort_values(["place", "seed", "generation"], kind="stable").drop_duplicates("place")
        cells = {columns[row["place"]]: _cell(row) for row in first.to_dict("records")}
        # arms of one name at several ratios are different arms, and their names say so
        named = key.variant if len(ratios[key[:2]]) == 1 else f"{key.variant} {key.ratio:g}x".strip()
        rows.append(Row(key.method, named, key.downstream, cells, key.ratio))
    return _sorted(rows), columns, len(frame) - len(current)


class _Key(NamedTuple):
    method: str
    variant: str
    ratio: float | None
    downstream: str


def _networks(frame: pd.DataFrame) -> list[_Key]:
    """Return the arms at each ratio with the networks that they were tested with; none if nothing was trained.

    Rows that do not say their ratio belong to the arms of all ratios.
    """
    names = list(zip(frame["method"], frame["variant"], strict=True))
    ratios = [None if pd.isna(ratio) else float(ratio) for ratio in frame["ratio"]]
    known = {
        name: [r for r, other in zip(ratios, names, strict=True) if other == name and r is not None]
        for name in set(names)
    }
    keys = dict.fromkeys(
        _Key(*name, one, downstream)
        for name, ratio, downstream in zip(names, ratios, frame["downstream"], strict=True)
        for one in ([ratio] if ratio is not None else dict.fromkeys(known[name]) or [None])
    )
    trained = {key[:3] for key in keys if key.downstream}
    return [key for key in keys if key.downstream or key[:3] not in trained]


def _columns(frame: pd.DataFrame, known: Mapping[str, Metric]) -> list[Column]:
    """Return each row's column; a tag distinguishes encoders with the same name and different weights."""
    identities: dict[str, list[str]] = {}
    for metric, encoder in zip(frame["metric"], frame["encoder"], strict=True):
        of_metric = identities.setdefault(metric, [])
        if encoder not in of_metric:
            of_metric.append(encoder)
    about = {metric: find(metric, known) for metric in identities}
    fields = ("metric", "kind", "encoder", "split", "class", "direction")
    columns = []
    for metric, kind, encoder, split, class_, direction in zip(*(frame[f] for f in fields), strict=True):
        of_metric = identities[metric]
        tag = str(of_metric.index(encoder) + 1) if len(of_metric) > 1 else ""
        scope = split if encoder else ""
        columns.append(Column(metric, kind, encoder, scope, class_, direction, tag, about[metric]))
    return columns


def _cell(row: Mapping[Hashable, Any]) -> Cell:
    """Return the cell of a row of the results table."""
    number = {key: None if pd.isna(row[key]) else float(row[key]) for key in _NUMBERS}
    n, n_skipped = (None if pd.isna(row[key]) else int(row[key]) for key in ("n", "n_skipped"))
    return Cell(
        number["value"],
        number["ci_low"],
        number["ci_high"],
        row["ci_method"],
        n,
        number["floor"],
        # a number without training seeds, such as a distance, has those of its sets
        int(row["seeds"] if row["seed"] < 0 else row["generations"]),
        number["p"],
        number["p_holm"],
        row["reason"],
        n_skipped,
    )


_DIVIDED = ["dataset", "preset", "division"]
_NUMBERS = ("value", "ci_low", "ci_high", "floor", "p", "p_holm")


def _sorted(rows: Sequence[Row]) -> list[Row]:
    """Sort rows: controls first in their fixed order, then methods by name, so that the order claims nothing."""

    def place(row: Row) -> tuple[Hashable, ...]:
        control = CONTROLS.index(row.method) if row.is_control else len(CONTROLS)
        return (control, row.method, _natural(row.variant), row.downstream)

    return sorted(rows, key=place)


def _natural(text: str) -> tuple[Hashable, ...]:
    """Return a sort key that puts `50%` before `100%`, and `1x` before `1.5x`."""
    parts = re.split(r"([0-9]+(?:\.[0-9]+)?)", text)
    return tuple(float(part) if place % 2 else part for place, part in enumerate(parts))
