"""What a tracking server gets of a run: the run, a child for every arm, and theirs for folds and seeds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.digest import digest, digest_file

LAYOUT = 2
"""Raised by hand when the same results are written in another way, so that runs are logged again."""
EXPERIMENT, RUN = "{experiment}", "{run}"
"""What a note says for the ids that only the server knows."""


@dataclass(frozen=True)
class Input:
    """A dataset or synthetic set that a run read or made; `digest` is the start of that of its content."""

    name: str
    digest: str
    context: str
    source: str
    size: int | None = None


@dataclass(frozen=True)
class Point:
    """One value of a metric that is recorded more than once; `time` is in milliseconds since 1970."""

    name: str
    step: int
    value: float
    time: int | None = None


@dataclass(frozen=True)
class Record:
    """One run as a tracking server keeps it.

    `metrics` are single values, `curves` and `usage` are over time. `tables` and `pages` are files that are made of
    the results, `artifacts` files that exist, and `models` those of checkpoints, each under a folder of the run.
    """

    name: str
    level: str
    started_ms: int
    ended_ms: int
    parameters: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    note: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)
    curves: tuple[Point, ...] = ()
    usage: tuple[Point, ...] = ()
    inputs: tuple[Input, ...] = ()
    tables: Mapping[str, Mapping[str, list[Any]]] = field(default_factory=dict)
    pages: Mapping[str, str] = field(default_factory=dict)
    artifacts: tuple[Path, ...] = ()
    models: tuple[tuple[str, Path], ...] = ()
    children: tuple[Record, ...] = ()

    def all(self) -> Iterator[Record]:
        """Yield the run and everything below it."""
        yield self
        for child in self.children:
            yield from child.all()


@dataclass(frozen=True)
class RunRecord:
    """The record of a bench run in the experiment of its dataset; `headline` are the metrics of its list of runs."""

    run: str
    experiment: str
    top: Record
    headline: tuple[str, ...]
    primary: str

    @property
    def content(self) -> str:
        """Hash of everything that is logged except times and usage, so that an unchanged run is not logged again."""
        return digest([LAYOUT, *(_content(record) for record in self.top.all())])[:16]


def _content(record: Record) -> list[Any]:
    curves = [[point.name, point.step, point.value] for point in record.curves]
    inputs = [[one.name, one.digest, one.context] for one in record.inputs]
    files = {path.name: digest_file(path) for path in record.artifacts if path.suffix != ".json"}
    models = [[folder, *path.parts[-3:]] for folder, path in record.models]  # the folder of a step is a hash
    said = [record.name, record.level, dict(record.parameters), dict(record.tags), dict(record.metrics)]
    return [*said, curves, inputs, files, models, {name: digest(text) for name, text in record.pages.items()}]
