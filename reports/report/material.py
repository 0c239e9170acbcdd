"""What a report is made of: boards, runs with their evidence, and cards of datasets and methods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from bench.results.document import RunDocument
from bench.results.evidence import Evidence
from bench.results.table import ResultsStore
from reports.board import Leaderboard
from reports.plain_table import PlainTable

Curve = tuple[str, int, float]


@dataclass(frozen=True)
class Run:
    """One run: its document, what it keeps to be looked at, and its training curves as (name, step, value).

    `arms` are the method and the variant of the network of each curve, by the curve's name.
    """

    key: str
    document: RunDocument
    folder: Path
    evidence: Evidence | None = None
    curves: Sequence[Curve] = ()
    arms: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The name of the run's method as boards display it."""
        about = f" ({self.document.variant})" if self.document.variant else ""
        return self.document.method + about


@dataclass(frozen=True)
class Card:
    """What is known of a dataset or a method before it is run: a title, a summary, and facts with their names."""

    name: str
    title: str
    summary: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    remarks: Sequence[str] = ()


@dataclass(frozen=True)
class Material:
    """Everything that a report shows.

    `published` are, for each board, tables of papers' numbers next to its own, `agreement` tables of which metric
    predicts the gain. `version` is that of the package that writes it.
    """

    boards: Sequence[Leaderboard]
    runs: Mapping[str, Run]
    table: pd.DataFrame
    datasets: Mapping[str, Card] = field(default_factory=dict)
    methods: Mapping[str, Card] = field(default_factory=dict)
    version: str = ""
    published: Sequence[Sequence[PlainTable]] = ()
    agreement: Sequence[PlainTable] = ()


def read_runs(results: ResultsStore) -> dict[str, Run]:
    """Return the runs of a store by key, oldest first.

    What cannot be read is left out, and named by `results`.
    """
    found = {}
    for key, document in results.documents().items():
        records = results.curve_records(key)
        curves = dict.fromkeys((str(one["name"]), int(one["step"]), float(one["value"])) for one in records)
        arms = {str(one["name"]): (str(one["method"]), str(one["variant"])) for one in records if "network" in one}
        folder = results.folder(key)
        found[key] = Run(key, document, folder, results.evidence(key), tuple(curves), arms)
    return found
