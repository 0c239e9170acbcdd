"""The record of one run for a tracking server: parameters, metrics, curves, tags and files; without MLflow."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.digest import digest, digest_file
from bench.results.table import ALL_SEEDS, ResultsStore
from bench.tracking.claims import LEAK, claims_of

if TYPE_CHECKING:
    import pandas as pd

CURVE_POINTS = 200
ARTIFACTS = ("contact_sheet*.png", "scaling*.png", "leaderboard.md", "manifest.json")
_PARAMETER_LENGTH = 500
_MAX_PARAMETERS = 100


@dataclass(frozen=True)
class Record:
    """One run as a tracking server keeps it; `metrics` maps names to values, `curves` lists (name, step, value)."""

    run: str
    experiment: str
    title: str
    created_ms: int
    parameters: Mapping[str, str]
    tags: Mapping[str, str]
    metrics: Mapping[str, float]
    curves: list[tuple[str, int, float]]
    artifacts: list[Path]

    @property
    def content(self) -> str:
        """Hash of everything that is logged except the time, so that an unchanged run is not logged again."""
        files = {path.name: digest_file(path) for path in self.artifacts if path.suffix != ".json"}
        return digest([self.title, self.parameters, self.tags, self.metrics, self.curves, files])


def read_record(store: Path, run: str) -> Record:
    """Return the record of a run, read from the files of its results."""
    results = ResultsStore(store)
    document = results.document(run).model_dump(mode="json")
    folder = results.folder(run)
    files = [results.root / f"{run}.json", results.root / f"{run}.parquet"]
    rows = results.rows(run)
    said = claims_of(rows, str(document.get("method", "")))
    return Record(
        run=run,
        experiment=str(document.get("dataset", "unknown")),
        title=" · ".join(part for part in (said.get(LEAK, ""), _title(document)) if part),
        created_ms=int(datetime.fromisoformat(document["created"]).timestamp() * 1000),
        parameters=_parameters(document),
        tags=_tags(run, document) | said,
        metrics=_metrics(rows, str(document.get("method", "")), str(document.get("variant", ""))),
        curves=list(_thinned(results.curves(run))),
        artifacts=[*filter(Path.exists, files), *(path for name in ARTIFACTS for path in sorted(folder.glob(name)))],
    )


def metric_key(name: str) -> str:
    """Return a metric's name with only characters that MLflow allows: `fd:random-convnet/test`."""
    text = name.replace("@", ":").replace("[", "/").replace("]", "")
    return re.sub(r"[^A-Za-z0-9_\-. :/]", "-", text)


def _title(document: Mapping[str, Any]) -> str:
    parts = [document.get(key) for key in ("method", "variant", "preset")]
    return " · ".join(str(part) for part in parts if part)


def _parameters(document: Mapping[str, Any]) -> dict[str, str]:
    """Return the request and the resolved configuration as flat parameters; paths are left out."""
    flat = {key: str(document[key]) for key in ("method", "variant", "preset", "seeds") if key in document}
    for section in ("request", "config"):
        flat |= dict(_flat(section, document.get(section) or {}))
    places = ("request.store", "request.data_root", "request.weights", "request.tracking_uri")
    kept = {key: value[:_PARAMETER_LENGTH] for key, value in flat.items() if key not in places}
    return dict(list(kept.items())[:_MAX_PARAMETERS])


def _flat(prefix: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _flat(f"{prefix}.{key}", item)
    elif value is not None:
        yield metric_key(prefix), str(value)


def _tags(run: str, document: Mapping[str, Any]) -> dict[str, str]:
    tags = {"bench.run": run}
    tags |= {f"bench.{key}": str(document[key]) for key in ("method", "preset", "harness") if key in document}
    for section in ("digests", "versions"):
        tags |= {f"bench.{key}": value for key, value in _flat(section, document.get(section) or {})}
    return tags


def _metrics(rows: pd.DataFrame, method: str, variant: str) -> dict[str, float]:
    """Return a run's numbers by name: the method's own plainly and with intervals, those of controls by arm.

    If the method has several arms, the numbers of other variants carry the variant in their names.
    """
    many = rows.loc[rows["method"] == method, "variant"].nunique() > 1
    found: dict[str, float] = {}
    several = rows.loc[rows["downstream"] != "", "downstream"].nunique() > 1
    # rows for all seeds together come last, so they win over rows for single seeds
    ordered = rows.sort_values(["seed", "generation"], key=_all_last, ascending=False, kind="stable")
    for row in ordered.to_dict("records"):
        if row["value"] != row["value"]:
            continue
        parts = [row["downstream"]] if several and row["downstream"] else []
        arm = [row["variant"]] if many and row["variant"] != variant else []
        parts = (arm if row["method"] == method else [row["method"]]) + parts
        kinds = {"score": [], "spread": [row["aggregation"]]}
        parts += kinds.get(row["kind"], [row["kind"]])
        scope = [row["class"], row["split"] if row["encoder"] else ""]
        name = metric_key("/".join([*parts, row["metric"], *filter(None, scope)]))
        found[name] = row["value"]
        if row["method"] == method and row["kind"] != "cost" and row["ci_low"] == row["ci_low"]:
            found |= {f"{name}_low": row["ci_low"], f"{name}_high": row["ci_high"]}
    return found


def _all_last(seeds: pd.Series) -> pd.Series:
    return seeds.where(seeds != ALL_SEEDS, -10_000)


def _thinned(curves: Iterator[tuple[str, int, float]]) -> Iterator[tuple[str, int, float]]:
    """Yield at most 200 points per curve, evenly spread, with the first and the last; a repeated step counts once."""
    by_name: dict[str, dict[int, float]] = {}
    for name, step, value in curves:
        by_name.setdefault(name, {})[step] = value
    for name, points in by_name.items():
        steps = sorted(points)
        if len(steps) > CURVE_POINTS:
            last = len(steps) - 1
            steps = [steps[round(i * last / (CURVE_POINTS - 1))] for i in range(CURVE_POINTS)]
        for step in steps:
            yield metric_key(f"curve/{name}"), step, points[step]
