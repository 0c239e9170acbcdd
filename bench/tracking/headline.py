"""The few numbers of an arm that are looked at first, and the same numbers of single folds and seeds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from bench.results.table import ALL_FOLDS, POOLED_FOLDS
from bench.tracking.names import metric_name

if TYPE_CHECKING:
    import pandas as pd

    from reports.board import Leaderboard, Row
    from reports.columns import Column

MOST = 10
"""The most scores; with the tested difference, the rank and costs there are about fifteen numbers."""
COSTS = {
    "fit": ("seconds", "generator training seconds"),
    "synthesize": ("images_per_second", "images per second"),
    "train": ("seconds", "network training seconds"),
}


class Place(NamedTuple):
    """One repetition of an arm: its fold, and the seeds of training and of generation."""

    fold: str
    seed: int
    generation: int


def headline(board: Leaderboard) -> list[Column]:
    """Return the columns of the numbers that are looked at first: the main scores, then the tested difference."""
    scores = [column for column in board.main if column.kind == "score"]
    kept = [column for column in scores if column == board.primary_score or column in scores[:MOST]]
    return [*kept, *([board.primary] if board.primary is not None else [])]


def of_arm(board: Leaderboard, index: int, frame: pd.DataFrame) -> dict[str, float]:
    """Return an arm's headline numbers by name, with its rank and its costs."""
    row = board.rows[index]
    cells = {metric_name(column): row.cells[column].value for column in headline(board) if column in row.cells}
    found = {name: value for name, value in cells.items() if value is not None}
    rank = board.rank(index)
    if rank is not None and rank.value is not None and board.primary is not None:
        found[f"{metric_name(board.primary).removesuffix(' difference')} rank"] = rank.value
    return _rounded(found | _costs(_of(frame, row)))


def of_place(board: Leaderboard, row: Row, frame: pd.DataFrame, place: Place) -> dict[str, float]:
    """Return the headline numbers of one repetition of an arm."""
    own = _of(frame, row)
    here = own[(own["fold"] == place.fold) & (own["generation"] == place.generation)]
    found = {}
    for column in headline(board):
        split = here["split"] == column.split if column.encoder else True
        same = (here["kind"] == column.kind) & (here["metric"] == column.metric) & (here["class"] == column.class_)
        rows = here[same & split & here["value"].notna()]
        # a set that is drawn apart from trainings has its own seed only
        rows = (
            rows if column.is_of_images and not (rows["seed"] == place.seed).any() else rows[rows["seed"] == place.seed]
        )
        if len(rows):
            found[metric_name(column)] = float(rows["value"].iloc[0])
    return _rounded(found | _costs(here[here["seed"] == place.seed]))


def places(row: Row, frame: pd.DataFrame) -> list[Place]:
    """Return the repetitions of an arm: each fold under each pair of seeds that it was trained under."""
    own = _of(frame, row)
    scores = own[(own["kind"] == "score") & ~own["fold"].isin([ALL_FOLDS]) & (own["aggregation"] != POOLED_FOLDS)]
    trained = scores[scores["downstream"] != ""]
    single = (trained if len(trained) else scores)[["fold", "seed", "generation"]].drop_duplicates()
    found = {Place(str(fold), int(seed), int(set_)) for fold, seed, set_ in single.itertuples(index=False)}
    return sorted(place for place in found if place.seed >= 0 and place.generation >= 0)


def network_of(row: Row) -> str:
    """Return the name of a row's network, without the remark on what its training started from."""
    return row.downstream.partition(" (")[0]


def _rounded(numbers: dict[str, float]) -> dict[str, float]:
    """Return numbers with five digits, which lists can show; the tables have all."""
    return {name: float(f"{value:.5g}") for name, value in numbers.items()}


def _of(frame: pd.DataFrame, row: Row) -> pd.DataFrame:
    same = (frame["method"] == row.method) & (frame["variant"] == row.variant)
    return frame[same & frame["downstream"].isin(["", network_of(row)])]


def _costs(frame: pd.DataFrame) -> dict[str, float]:
    """Return the costs of rows, by name: seconds are added up, a rate is a mean."""
    found = dict(_cost_values(frame[(frame["kind"] == "cost") & frame["value"].notna()]))
    return {name: sum(values) / (len(values) if "per" in name else 1) for name, values in found.items() if values}


def _cost_values(costs: pd.DataFrame) -> Iterator[tuple[str, Sequence[float]]]:
    for stage, (what, name) in COSTS.items():
        metric = costs["metric"].str
        yield name, list(costs.loc[metric.startswith(f"{stage}/") & metric.endswith(f"/{what}"), "value"])
    memory = costs.loc[costs["metric"].str.endswith("/peak_gpu_mib"), "value"]
    yield "peak GPU memory MiB", [float(memory.max())] if len(memory) else []
