"""Where numbers come from: the command to repeat each run, and everything that its document records."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd

from bench.results.artefacts import Artefact
from bench.results.document import RunDocument
from reports.report.material import Run

# Options of `bench run` by the name in a request; those that are given at most once.
_OPTIONS = ("method", "synthetic", "dataset", "preset", "generation_seeds", "generator_seeds", "precision")
_LISTS = ("ratios", "controls", "downstream")


class Origin(NamedTuple):
    """The provenance of one run: facts with their names, tables of versions and digests, and the configuration."""

    key: str
    title: str
    command: str
    facts: Sequence[tuple[str, str]]
    lists: Sequence[tuple[str, Sequence[tuple[str, str]]]]
    config: str


def origins_of(runs: Sequence[Run], table: pd.DataFrame) -> list[Origin]:
    """Return the provenance of each run, the newest first."""
    return [_origin(run, table[table["run"] == run.key]) for run in reversed(runs)]


def command_of(request: Mapping[str, Any]) -> str:
    """Return the command that repeats a run.

    >>> command_of({"dataset": "phantom", "method": "sdm", "seeds": 3, "overrides": ["method.share=.5"], "threads": 2})
    'bench run --method sdm --dataset phantom --seeds 3 --set method.share=.5'
    """
    return shlex.join(["bench", "run", *_arguments(request)])


def _arguments(request: Mapping[str, Any]) -> Iterator[str]:
    for name in _OPTIONS:
        if request.get(name) is not None:
            yield from (f"--{name.replace('_', '-')}", str(request[name]))
    if request.get("seeds", 1) != 1:
        yield from ("--seeds", str(request["seeds"]))
    for name in _LISTS:
        # an empty list of controls means none of them, which is not the default
        if request.get(name) or (name == "controls" and request.get(name) is not None):
            yield from (
                f"--{name}",
                ",".join(f"{one:g}" if isinstance(one, float) else str(one) for one in request[name]),
            )
    if request.get("fold"):
        yield from ("--fold", "/".join(str(one) for one in request["fold"]))
    if request.get("protocol"):
        yield from ("--protocol", str(request["protocol"]).partition("@")[0])
    for role, dataset in (request.get("data") or {}).items():
        yield from ("--data", f"{role}={dataset}")
    for override in request.get("overrides") or ():
        yield from ("--set", str(override))
    for name, default in (("device", "auto"), ("threads", 2)):
        if request.get(name, default) != default:
            yield from (f"--{name}", str(request[name]))


def _origin(run: Run, rows: pd.DataFrame) -> Origin:
    document = run.document
    seeds = sorted({int(seed) for seed in rows["seed"] if seed >= 0})
    facts = [
        ("finished", f"{document.created[:16].replace('T', ' ')} UTC"),
        ("device", " · ".join(filter(None, [document.device_name, str(document.config.get("precision", ""))]))),
        ("threads", str(document.request.get("threads", ""))),
        ("seeds", ", ".join(map(str, seeds))),
        ("protocol of the harness", str(document.harness)),
        ("division", json.dumps(dict(document.division), sort_keys=True) if document.division else ""),
        ("settings given", ", ".join(document.request.get("overrides") or ())),
    ]
    return Origin(
        run.key,
        run.title,
        command_of(document.request) if "dataset" in document.request else "not recorded",
        [(name, value) for name, value in facts if value],
        [(title, sorted(values)) for title, values in _lists(document, rows) if values],
        json.dumps(document.model_dump(mode="json")["config"], indent=1, sort_keys=True),
    )


def _lists(document: RunDocument, rows: pd.DataFrame) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    yield "Packages", [(name, str(version)) for name, version in document.versions.items()]
    yield "Plugins", [(name, f"version {version}") for name, version in document.plugins.items()]
    yield "Evaluations", [(name, f"version {version}") for name, version in document.evaluations.items()]
    families = {str(metric).partition("@")[0]: int(version) for metric, version in _newest(rows)}
    yield "Protocol versions of metrics", [(name, str(version)) for name, version in families.items()]
    yield "Digests of data", list(document.digests.items())
    yield "Digests of synthetic sets", [(_named(one), one.digest) for one in document.artefacts if one.kind == "set"]
    encoders = {(str(metric).partition("@")[2] or str(metric), str(identity)) for metric, identity in _encoders(rows)}
    yield "Encoders", list(encoders)


def _newest(rows: pd.DataFrame) -> Iterator[tuple[str, int]]:
    scores = rows[rows["kind"] == "score"]
    yield from scores.groupby("metric")["protocol"].max().items()


def _encoders(rows: pd.DataFrame) -> Iterator[tuple[str, str]]:
    own = rows[rows["encoder"] != ""]
    yield from zip(own["metric"], own["encoder"], strict=True)


def _named(one: Artefact) -> str:
    """Return what a set is called: its arm, its fold and its seed."""
    seed = one.seed if one.generation is None else one.generation
    arm = f"{one.method} ({one.variant})" if one.variant else one.method
    return ", ".join(filter(None, [arm, f"fold {one.fold}" if one.fold else "", f"seed {seed}"]))
