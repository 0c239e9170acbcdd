"""A small results table as a run writes it: controls and one method, one seed or several."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from bench.results.table import ScoreRow, frame_of, merge_rows, read_rows, write_rows

LEVELS = {"real-only": 0.36, "copy": 0.35, "noise": 0.20, "diffmix": 0.39}
DISTANCES = {"copy": 0.05, "noise": 312.0, "diffmix": 4.2}
CLASSES = ("miscellaneous", "inflammatory", "epithelial", "spindle")
METRICS = ("dice/image", "aji/image", "pq/image", "f_d", "acc", "aji_plus/image", "pq/pooled")
NO_BOOTSTRAP = "a Fréchet distance is not resampled: duplicates bias it upwards"


def rows(
    run: str = "run-1", method: str = "diffmix", seeds: int = 1, shift: float = 0.0, **fixed: Any
) -> list[ScoreRow]:
    """Rows of one run; `shift` is added to every score of the method, `fixed` overrides fields of every row."""
    base: dict[str, Any] = {"run": run, "dataset": "phantom", "preset": "smoke", "budget": "600 steps"} | fixed
    made: list[ScoreRow] = []
    for arm in dict.fromkeys(["real-only", "copy", "noise", method]):
        level = LEVELS.get(arm, 0.37) + (shift if arm == method else 0.0)
        places = [(seed, 1) for seed in range(seeds)] + ([(-1, seeds)] if seeds > 1 else [])
        for seed, count in places:
            at = base | {"method": arm, "seed": seed, "seeds": count}
            value = level + (0.004 * seed if seed > 0 else 0.0)
            made += _scores(at, value)
            if arm != "real-only":
                made += _distances(at, DISTANCES.get(arm, 5.0))
                made.append(_difference(at, value - LEVELS["real-only"]))
        made.append(ScoreRow(**base, method=arm, kind="cost", metric="seconds/train", value=61.0, direction="lower"))
    return made


def changed(rows: list[ScoreRow], which: Callable[[ScoreRow], bool], **changes: Any) -> list[ScoreRow]:
    """Rows of which some are changed."""
    return [row.model_copy(update=changes) if which(row) else row for row in rows]


def of_sets(rows: list[ScoreRow], method: str, *digests: str) -> list[ScoreRow]:
    """Rows whose method has a set of each seed, of these digests; rows of all seeds say a digest of no set."""
    made = []
    for row in rows:
        if row.method == method and row.kind != "cost":
            digest = digests[row.seed] if row.seed >= 0 else "all " + "".join(digests)
            own = {"set_digest": digest} if row.kind == "score" else {}
            row = row.model_copy(update={"generation": row.seed, "generations": row.seeds, **own})
        made.append(row)
    return made


def leak(metric: str = "test_copies", value: float = 0.5, method: str = "diffmix", **at: Any) -> ScoreRow:
    """The share of test images in a method's set, or another number about leaks with its p-value."""
    base = {"run": "run-1", "dataset": "phantom", "preset": "smoke", "reason": "counted"} | at
    return ScoreRow(**base, method=method, metric=metric, value=value, direction="lower")


def table(folder: Path, *runs: list[ScoreRow]) -> pd.DataFrame:
    """The merged rows of several runs, the oldest first, written to and read from a folder."""
    for index, rows in enumerate(runs):
        write_rows(folder / f"{index}.parquet", rows)
    return merge_rows(read_rows(folder / f"{index}.parquet" for index in range(len(runs))))


def frame(rows: list[ScoreRow]) -> pd.DataFrame:
    """Rows of one run as they are read."""
    return merge_rows(frame_of(rows))


def _scores(at: dict[str, Any], value: float) -> list[ScoreRow]:
    method = "groups+seeds" if at["seed"] < 0 else "groups"
    common = {"split": "test", "downstream": "hovernet", "direction": "higher", "ci_method": method, "n": 14}
    interval = {"value": value, "se": 0.012, "ci_low": value - 0.024, "ci_high": value + 0.023}
    made = [ScoreRow(**at, **common, **interval, metric=metric) for metric in METRICS]
    made += [ScoreRow(**at, **common, **interval, metric="f_type", class_=name) for name in CLASSES[1:]]
    reason = "no nucleus of this class in the test split"
    return [*made, ScoreRow(**at, **common, metric="f_type", class_=CLASSES[0], reason=reason)]


def _distances(at: dict[str, Any], value: float) -> list[ScoreRow]:
    made = []
    for split in ("train", "test"):
        common = {
            "split": split,
            "encoder": "random-convnet:12ab",
            "direction": "lower",
            "n": 128,
            "aggregation": "set",
        }
        made.append(ScoreRow(**at, **common, metric="fd@random-convnet", value=value, floor=0.61, reason=NO_BOOTSTRAP))
        kernel = {"value": value / 1000, "ci_low": value / 1100, "ci_high": value / 900, "floor": 0.0002}
        made.append(ScoreRow(**at, **common, **kernel, metric="kd@random-convnet", ci_method="jackknife"))
    return made


def _difference(at: dict[str, Any], value: float) -> ScoreRow:
    p = 0.004 if abs(value) > 0.02 else 0.4
    return ScoreRow(
        **at,
        kind="difference",
        split="test",
        downstream="hovernet",
        metric="pq/image",
        direction="higher",
        value=value,
        ci_low=value - 0.015,
        ci_high=value + 0.015,
        ci_method="groups",
        n=14,
        p=p,
        p_holm=min(3 * p, 1.0),
    )
