"""The rows of a leaderboard: which rows of the results table are the numbers of which arm."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from bench.harmless import harmless
from bench.results.leaks import TEST_COPIES, TEST_NEARNESS, leaking
from metrics.table import Metric, find
from reports.board import CONTROLS, Cell, Row
from reports.columns import Column, reading_order

LEAKS = {TEST_COPIES: "contains test images", TEST_NEARNESS: "too near the test images"}
"""What a finding of each family of metrics means."""
_PROTOCOLS = 1_000_000  # more than any metric has versions
_OF_CELL = [
    *("value", "ci_low", "ci_high", "ci_method", "n", "floor", "seed", "seeds", "generations", "p", "p_holm", "reason"),
    *("n_skipped", "n_groups", "n_effective", "group_kind", "n_distinct", "generators"),
    *("floor_low", "floor_high", "floor_within", "standing", "detectable"),
]


def rows_of(
    frame: pd.DataFrame, of_data: pd.DataFrame, known: Mapping[str, Metric]
) -> tuple[list[Row], list[Column], int]:
    """Return the rows and columns of one board, and the number of numbers of an older protocol, which are left out.

    Args:
        frame: rows of the results table that belong on the board.
        of_data: all rows of its dataset, preset and division, of every fold: a leak in one is a leak.
        known: metrics by id.
    """
    codes, names = _columns(frame, known)
    columns = reading_order(set(names))
    places = {column: place for place, column in enumerate(columns)}
    place = np.array([places[name] for name in names], dtype=np.intp)[codes] if names else codes
    frame = frame.assign(place=place, version=_versions(frame))
    newest = frame.groupby("place")["version"].transform("max")
    # rows of all seeds together are sorted before those of single seeds
    current = frame[frame["version"] == newest].sort_values(["place", "seed", "generation"], kind="stable")
    # keys have the order in which arms were measured
    keys = _networks(current.sort_index())
    looked = of_data.assign(family=of_data["metric"].str.partition("@")[0])
    looked = looked[looked["family"].isin(list(LEAKS)) & looked["value"].notna()]
    arms, leaks = _Arms(current), _Arms(looked)
    network, place = current["downstream"].to_numpy(object), current["place"].to_numpy()
    chosen = []
    for key in keys:
        rows = arms.rows(key)
        rows = rows[(network[rows] == key.downstream) | (network[rows] == "")]
        _, first = np.unique(place[rows], return_index=True)
        chosen.append(rows[np.sort(first)])
    cells = iter(_cells(current, np.concatenate(chosen) if chosen else np.empty(0, np.intp)))
    made = []
    for key, rows in zip(keys, chosen, strict=True):
        of_arm = {columns[place[row]]: next(cells) for row in rows}
        # arms of one name at several ratios are different arms, and their names say so
        same = [other for other in keys if other[:2] == key[:2]]
        several = len({other.ratio for other in same}) > 1
        named = f"{key.variant} {key.ratio:g}x".strip() if several else key.variant
        of_name = {other.set for other in same if other.ratio == key.ratio}
        shown = (key.set or "not recorded") if len(of_name) > 1 else ""
        leak, checked = _leak(looked.iloc[leaks.rows(key)])
        texts = (_shown(text) for text in (key.method, named, key.downstream))
        made.append(Row(*texts, of_arm, key.ratio, _shown(shown), leak, checked))
    return _sorted(made), [column for column in columns if column.kind != "rank"], len(frame) - len(current)


class _Key(NamedTuple):
    method: str
    variant: str
    ratio: float | None
    set: str
    downstream: str


class _Arms:
    """The rows of each arm in a frame, looked up by name."""

    def __init__(self, frame: pd.DataFrame) -> None:
        groups = frame.groupby(["method", "variant", "set"], sort=False).indices
        self._rows = {tuple(map(str, name)): rows for name, rows in groups.items()}
        self._ratio = frame["ratio"].to_numpy(float, na_value=np.nan)

    def rows(self, key: _Key) -> np.ndarray:
        """Return the positions of an arm's rows; those that do not say their ratio belong to the arms of all ratios."""
        rows = self._rows.get((key.method, key.variant, key.set), np.empty(0, np.intp))
        ratio = self._ratio[rows]
        return rows[(ratio == (np.nan if key.ratio is None else key.ratio)) | np.isnan(ratio)]


def _networks(frame: pd.DataFrame) -> list[_Key]:
    """Return the arms at each ratio with the networks that they were tested with; none if nothing was trained."""
    frame = frame[["method", "variant", "set", "ratio", "downstream"]].drop_duplicates()
    names = list(zip(frame["method"], frame["variant"], frame["set"], strict=True))
    ratios = [None if pd.isna(ratio) else float(ratio) for ratio in frame["ratio"]]
    known: dict[tuple[str, str, str], dict[float, None]] = {name: {} for name in names}
    for name, ratio in zip(names, ratios, strict=True):
        known[name].update({} if ratio is None else {ratio: None})
    keys = dict.fromkeys(
        _Key(method, variant, one, set_, downstream)
        for (method, variant, set_), ratio, downstream in zip(names, ratios, frame["downstream"], strict=True)
        for one in ([ratio] if ratio is not None else list(known[method, variant, set_]) or [None])
    )
    trained = {key[:4] for key in keys if key.downstream}
    return [key for key in keys if key.downstream or key[:4] not in trained]


def _columns(frame: pd.DataFrame, known: Mapping[str, Metric]) -> tuple[np.ndarray, list[Column]]:
    """Return the number of each row's column, and the columns, of which several may be equal.

    A tag distinguishes encoders with the same name and different weights.
    """
    fields = ["metric", "kind", "encoder", "split", "class", "direction"]
    codes = frame.groupby(fields, sort=False, dropna=False).ngroup().to_numpy()
    _, first = np.unique(codes, return_index=True)
    different = list(frame[fields].iloc[first].itertuples(index=False, name=None))
    identities: dict[str, list[str]] = {}
    for metric, _, encoder, *_ in different:
        of_metric = identities.setdefault(metric, [])
        if encoder not in of_metric:
            of_metric.append(encoder)
    about = {metric: find(metric, known) for metric in identities}
    columns = []
    for metric, kind, encoder, split, class_, direction in different:
        of_metric = identities[metric]
        tag = str(of_metric.index(encoder) + 1) if len(of_metric) > 1 else ""
        scope = split if encoder else ""
        names = (_shown(metric), kind, _shown(encoder), _shown(scope), _shown(class_))
        columns.append(Column(*names, direction, tag, about[metric]))
    return codes, columns


def _versions(frame: pd.DataFrame) -> pd.Series:
    """Return one number for the versions of the harness and of the metric, the later the larger."""
    return frame["harness"] * _PROTOCOLS + frame["protocol"]


def _leak(arm: pd.DataFrame) -> tuple[str, bool]:
    """Return what is wrong with an arm's sets in relation to the test split, and whether that was looked for.

    The rows are those of metrics of leaks; of each, the newest version counts.
    """
    if arm.empty:
        return "", False
    looked = arm.assign(version=_versions(arm))
    looked = looked[looked["version"] == looked["metric"].map(looked.groupby("metric")["version"].max())]
    found = {row["family"] for row in looked.to_dict("records") if leaking({str(k): v for k, v in row.items()})}
    return ", ".join(words for name, words in LEAKS.items() if name in found), len(looked) > 0


def _cells(frame: pd.DataFrame, rows: np.ndarray) -> Iterator[Cell]:
    """Yield the cells of some rows of the results table, given by their positions."""
    yield from (_cell(row) for row in frame[_OF_CELL].iloc[rows].to_dict("records"))


def _cell(row: Mapping[Hashable, Any]) -> Cell:
    """Return the cell of a row of the results table."""

    def known(name: str, kind: type = float) -> Any:
        return None if pd.isna(row[name]) else kind(row[name])

    return Cell(
        value=known("value"),
        low=known("ci_low"),
        high=known("ci_high"),
        ci_method=row["ci_method"],
        n=known("n", int),
        floor=known("floor"),
        # a number without training seeds, such as a distance, has those of its sets
        seeds=int(row["seeds"] if row["seed"] < 0 else row["generations"]),
        p=known("p"),
        p_holm=known("p_holm"),
        reason=_shown(row["reason"]),
        n_skipped=known("n_skipped", int),
        n_groups=known("n_groups", int),
        n_effective=known("n_effective"),
        group_kind=row["group_kind"],
        n_distinct=known("n_distinct", int),
        generators=int(row["generators"]),
        floor_low=known("floor_low"),
        floor_high=known("floor_high"),
        floor_within=known("floor_within"),
        standing=row["standing"],
        detectable=known("detectable"),
    )


@lru_cache(maxsize=1024)
def _shown(text: str) -> str:
    """Return a name or a reason that cannot act where it is shown, and is one line."""
    return harmless(text, lines=False)


def _sorted(rows: Sequence[Row]) -> list[Row]:
    """Sort rows: controls first in their fixed order, then methods by name, so that the order claims nothing."""

    def place(row: Row) -> tuple[Hashable, ...]:
        control = CONTROLS.index(row.method) if row.is_control else len(CONTROLS)
        return (control, row.method, _natural(row.variant), row.downstream, row.set)

    return sorted(rows, key=place)


def _natural(text: str) -> tuple[Hashable, ...]:
    """Return a sort key that puts `50%` before `100%`, and `1x` before `1.5x`."""
    parts = re.split(r"([0-9]+(?:\.[0-9]+)?)", text)
    return tuple(float(part) if place % 2 else part for place, part in enumerate(parts))
