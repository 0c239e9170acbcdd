"""Rows of how much of a pool looked like its class, for arms whose set was chosen by that."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bench.evaluation.columns import entry_columns, over_seeds, share_columns
from bench.evaluation.evidence import ArmWork

METRIC = "acceptance"


def acceptance_rows(arm: ArmWork) -> Iterator[dict[str, Any]]:
    """Yield the columns of every row: of every seed's pool, and the mean and spread over seeds.

    An arm that got no set has a row with the reason. Sets that were drawn at random accept all: they have none.
    """
    selection = arm.arm.selection
    if selection is None or not selection.chooses:
        return
    rows = []
    for seed, made in enumerate(arm.sets):
        if made is not None and METRIC in made[1].manifest:
            rows.append(
                {**entry_columns(METRIC), "seed": seed, "set_digest": made[1].digest, **_share(made[1].manifest)}
            )
    yield from rows
    if len(rows) > 1:
        yield over_seeds(rows)
    if arm.untested:
        yield {**entry_columns(METRIC), "value": None, "reason": arm.untested}


def _share(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return the mean over classes of the accepted share, however many images were drawn of each, independently."""
    from metrics.proportion import mean_proportion

    if "accepted" not in manifest:
        return {"value": manifest[METRIC], "reason": "no interval: the set was sealed before counts were kept"}
    candidates = list(manifest["candidates"].values())
    found = mean_proportion(list(manifest["accepted"].values()), candidates)
    return share_columns(found, sum(candidates), "images of the pool")
