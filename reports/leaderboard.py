"""Leaderboards: the results table, rearranged so that one row is one arm."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import NamedTuple

import pandas as pd

from bench.harmless import harmless
from bench.results.table import ALL_FOLDS, POOLED_FOLDS, SET, merge_rows
from metrics.table import METRICS, Metric
from reports.board import POOLED, Leaderboard
from reports.costs import with_costs
from reports.primary import primary_of
from reports.ranking import best_rows, verdicts
from reports.readable import unreadable
from reports.rows import rows_of
from reports.spreads import spreads_of


class Claims(NamedTuple):
    """What boards test: the metric (empty: that of the track) and the smallest effect (None: that of the metric)."""

    primary: str = ""
    smallest_effect: float | None = None


def leaderboard(
    table: pd.DataFrame,
    dataset: str | None = None,
    preset: str | None = None,
    *,
    costs: bool = False,
    folds: bool = False,
    rare: Mapping[str, Collection[str]] | None = None,
    doubts: Mapping[str, Sequence[str]] | None = None,
    known: Mapping[str, Metric] = METRICS,
    claims: Claims | None = None,
) -> list[Leaderboard]:
    """Convert a results table to leaderboards, the newest first.

    Args:
        table: rows as returned by `bench.results.table.ResultsStore.table`, the oldest run first, or those of one run.
        dataset: keep only this dataset.
        preset: keep only this preset.
        costs: whether to make columns of cost rows, and those of `reports.costs`, which sum them up.
        folds: whether to make boards of single folds, too, if all folds together have a board.
        rare: names of the rare classes by dataset, which are among the main columns.
        doubts: what speaks against every number of a run, by the key of the run.
        known: metrics by id, including those of other packages.
        claims: what is tested; by default the metric of the track, with its own smallest effect.
    """
    frame = (table if SET in table else merge_rows(table)).reset_index(drop=True)
    frame = frame.assign(fold=frame["fold"].mask(frame["aggregation"] == POOLED_FOLDS, POOLED))
    frame = frame.assign(shown=_shown_data(frame))
    for name, wanted in (("dataset", dataset), ("preset", preset)):
        frame = frame if wanted is None else frame[frame[name] == wanted]
    spread = frame[frame["kind"] == "spread"]
    kinds = ["score", "difference", "rank", *(["cost"] if costs else [])]
    frame = frame[frame["kind"].isin(kinds)]
    together = {tuple(key) for key in frame[frame["fold"] == ALL_FOLDS][_DIVIDED].to_numpy()}
    frame = frame.assign(downstream=_told_apart(frame))
    boards = []
    for (data, label, division, digest, fold), part in frame.groupby([*_DIVIDED, "data", "fold"], sort=False):
        if not folds and (data, label, division) in together and fold not in (ALL_FOLDS, POOLED):
            continue
        of_division = frame[(frame[_DIVIDED] == [data, label, division]).all(axis=1)]
        # numbers that do not depend on the training budget (distances) are on every board
        for budget in [b for b in part["budget"].unique() if b] or [""]:
            place = [data, label, division, digest, fold, budget]
            shown = part[part["budget"].isin([budget, ""])]
            shown = _with_costs_of_folds(shown, of_division, str(fold)) if costs else shown
            rows, columns, outdated = rows_of(shown, of_division, known)
            rows, columns = with_costs(rows, columns) if costs else (rows, columns)
            board = Leaderboard(
                harmless(str(data), lines=False),
                harmless(str(label), lines=False),
                str(budget),
                str(fold),
                columns,
                rows,
                (rare or {}).get(str(data), ()),
                outdated,
                int(part[part["budget"] == budget].index.max()),
                harmless(str(division), lines=False),
                str(part["shown"].iloc[0]),
                doubts=_doubts(shown, doubts or {}),
                spreads=spreads_of(spread[(spread[[*_DIVIDED, "data", "fold", "budget"]] == place).all(axis=1)], known),
            )
            boards.append(_judged(board, claims or Claims()))
    return sorted(boards, key=lambda board: -board.newest)


_DIVIDED = ["dataset", "preset", "division"]
_SHOWN = 8


def _judged(board: Leaderboard, claims: Claims) -> Leaderboard:
    """Return a board with what it may claim: nothing if its controls or its preset do not allow it."""
    primary = primary_of(board.columns, claims.primary)
    declared = None if primary is None or primary.about is None else primary.about.smallest_effect
    effect = declared if claims.smallest_effect is None else claims.smallest_effect
    against = unreadable(board.rows, board.columns, primary)
    found: dict[int, str] = {}
    if primary is not None and not against and not board.checks_plumbing:
        found = verdicts(board.rows, primary, effect)
    judged = replace(board, primary=primary, smallest_effect=effect, unreadable=against, verdicts=found)
    return replace(judged, best=best_rows(judged))


def _doubts(shown: pd.DataFrame, doubts: Mapping[str, Sequence[str]]) -> list[str]:
    """Return what speaks against every number of a board: what its runs say of their data, each once."""
    said = (harmless(text) for run in shown["run"].unique() for text in doubts.get(str(run), ()))
    return list(dict.fromkeys(said))


def _with_costs_of_folds(shown: pd.DataFrame, of_division: pd.DataFrame, fold: str) -> pd.DataFrame:
    """Return the rows of a board of all folds with the cost rows of single folds, since no step is of all folds."""
    if fold != ALL_FOLDS:
        return shown
    return pd.concat([shown, of_division[(of_division["kind"] == "cost") & (of_division["fold"] != ALL_FOLDS)]])


def _shown_data(frame: pd.DataFrame) -> pd.Series:
    """Return the start of the digest of each row's data where the name of its dataset does not identify them."""
    of_boards = frame["data"].where(frame["kind"] != "study")  # what is said of readers is of no data
    several = of_boards.groupby([frame[name] for name in ("dataset", "division", "fold")]).transform("nunique") > 1
    named = frame["data"].str[:_SHOWN].where(frame["data"] != "", "not recorded")
    return named.where(several, "")


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
