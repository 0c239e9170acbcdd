"""Rows of what is said of whole sets: distances, neighbourhoods, copying; under each seed and over seeds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from bench.evaluation.columns import entry_columns, over_seeds
from bench.evaluation.distances.jobs import RESULT
from bench.evaluation.evidence import ArmWork, Distances

_READ = "read it against the floor, and over seeds"
NO_INTERVAL = {
    "fd": f"no interval: resampling biases a Frechet distance; {_READ}",
    "colour_fd": f"no interval: resampling biases a Frechet distance; {_READ}",
    **dict.fromkeys(
        ("precision", "recall", "density", "coverage", "auth_pct", "copy_rate"),
        f"no interval: resampling repeats images, which makes neighbours of copies; {_READ}",
    ),
}
TOO_FEW = "undefined for so few images"


def distance_rows(arm: ArmWork) -> Iterator[dict[str, Any]]:
    """Yield the columns of every row: of every seed's set, and the mean and spread over seeds."""
    found: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for distances in arm.distances:
        made = arm.sets[distances.seed]
        digest = "" if made is None else made[1].digest
        for columns in _of_set(distances):
            columns["set_digest"] = digest
            found.setdefault((columns["metric"], distances.split, distances.identity), []).append(columns)
            yield columns
    for rows in found.values():
        if len(rows) > 1 and all(row["value"] is not None for row in rows):
            yield over_seeds(rows)


def metric_id(kind: str, encoder: str) -> str:
    """Return the id of a score of sets in the eyes of an encoder, which colour alone does not need."""
    from metrics.table import distance_name

    return distance_name(kind, encoder) if encoder else kind


def _of_set(distances: Distances) -> Iterator[dict[str, Any]]:
    result = json.loads((distances.finished.path / RESULT).read_text(encoding="utf-8"))
    scores, floor = result["scores"], result["floor"] or {}
    se = scores.pop("kd_se", None)
    for kind, value in scores.items():
        yield {
            "seed": distances.seed,
            **entry_columns(metric_id(kind, distances.encoder)),
            "split": distances.split,
            "encoder": distances.identity,
            "value": value,
            "n": result["n"],
            "floor": floor.get(kind),
            **_interval(kind, value, se),
        }


def _interval(kind: str, value: float | None, se: float | None) -> dict[str, Any]:
    if value is None:
        return {"reason": TOO_FEW}
    if kind != "kd":
        return {"reason": NO_INTERVAL[kind]}
    if se is None:
        return {"reason": "no interval: the jackknife needs at least two groups"}
    return {
        "se": se,
        "ci_low": value - 1.96 * se,
        "ci_high": value + 1.96 * se,
        "ci_method": "jackknife over groups",
    }
