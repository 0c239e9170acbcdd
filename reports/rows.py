"""The rows of a leaderboard: which rows of the results table are the numbers of which arm."""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import pandas as pd

from bench.harmless import harmless
from bench.results.leaks import TEST_COPIES, TEST_NEARNESS, leaking
from metrics.table import Metric, find
from reports.board import CONTROLS, Cell, Row
from reports.columns import Column, reading_order

LEAKS = {TEST_COPIES: "contains test images", TEST_NEARNESS: "too near the test images"}
"""What a finding of each family of metrics means."""


def rows_of(
    frame: pd.DataFrame, of_data: pd.DataFrame, known: Mapping[str, Metric]
) -> tuple[list[Row], list[Column], int]:
    """Return the rows and columns of one board, and the number of numbers of an older protocol, which are left out.

    Args:
        frame: rows of the results table that belong on the board.
        of_data: all rows of its dataset, preset and division, of every fold: a leak in one is a leak.
        known: metrics by id.
    """
    names = _columns(frame, known)
    columns = reading_order(set(names))
    places = {column: place for place, column in enumerate(columns)}
    frame = frame.assign(place=[places[name] for name in names], version=_versions(frame))
    newest = frame.groupby("place")["version"].max()
    current = frame[frame["version"] == frame["place"].map(newest)]
    keys = _networks(current)
    looked = of_data.assign(family=of_data["metric"].str.partition("@")[0])
    looked = looked[looked["family"].isin(list(LEAKS)) & looked["value"].notna()]
    rows = []
    for key in keys:
        arm = key.of(current)
        arm = arm[arm["downstream"].isin([key.downstream, ""])]
        # rows of all seeds together are sorted before those of single seeds
        first = arm.sort_values(["place", "seed", "generation"], kind="stable").drop_duplicates("place")
        cells = {columns[row["place"]]: _cell(row) for row in first.to_dict("records")}
        # arms of one name at several ratios are different arms, and their names say so
        same = [other for other in keys if other[:2] == key[:2]]
        several = len({other.ratio for other in same}) > 1
        named = f"{key.variant} {key.ratio:g}x".strip() if several else key.variant
        of_name = {other.set for other in same if other.ratio == key.ratio}
        shown = (key.set or "not recorded") if len(of_name) > 1 else ""
        leak, checked = _leak(key.of(looked))
        texts = (_shown(text) for text in (key.method, named, key.downstream))
        rows.append(Row(*texts, cells, key.ratio, _shown(shown), leak, checked))
    return _sorted(rows), [column for column in columns if column.kind != "rank"], len(frame) - len(current)


class _Key(NamedTuple):
    method: str
    variant: str
    ratio: float | None
    set: str
    downstream: str

    def of(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the rows of the arm; those that do not say their ratio belong to the arms of all ratios."""
        arm = frame[(frame["method"] == self.method) & (frame["variant"] == self.variant) & (frame["set"] == self.set)]
        return arm[(arm["ratio"] == self.ratio) | arm["ratio"].isna()]


def _networks(frame: pd.DataFrame) -> list[_Key]:
    """Return the arms at each ratio with the networks that they were tested with; none if nothing was trained."""
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
        names = (_shown(metric), kind, _shown(encoder), _shown(scope), _shown(class_))
        columns.append(Column(*names, direction, tag, about[metric]))
    return columns


def _versions(frame: pd.DataFrame) -> list[tuple[int, int]]:
    return list(zip(frame["harness"], frame["protocol"], strict=True))


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
