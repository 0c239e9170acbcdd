"""The document of a run: the request, what it was resolved to, and the places of its outputs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Self

from pydantic import ConfigDict, Field

from bench.contract import Settings
from bench.results.artefacts import Artefact, Artefacts
from bench.results.timing import Timing

SCHEMA_VERSION = 2


class RunHead(Settings):
    """What tables need to know of a run, which is quickly read from its document.

    `rows_sha256` is that of the file of its rows; documents of older runs do not say it.
    """

    model_config = ConfigDict(extra="ignore")

    run: str = ""
    created: str = ""
    dataset: str
    method: str
    variant: str = ""
    preset: str
    rare: tuple[str, ...] = ()
    rows_sha256: str = ""
    findings: Mapping[str, tuple[Mapping[str, Any], ...]] = Field(default_factory=dict)

    @classmethod
    def of_json(cls, text: str) -> Self:
        """Return the document of a file; fields that an older schema lacks are empty.

        Raises:
            ValueError: the file is not a document.
        """
        values = json.loads(text)
        # the first schema did not say its number
        older = isinstance(values, dict) and "schema_version" not in values
        return cls.model_validate(_of_schema_1(values) if older else values)


class RunDocument(RunHead):
    """One run; the document is written last, so a run counts once its document exists.

    `versions` are those of packages; `harness` is the protocol of the harness as a whole: how arms are mixed, trained
    and compared. `division` is what a protocol made of the data, with its hash. `generation_seeds`, `generator_seeds`
    and `ratios` are the request's. `evaluations` are the versions of the evaluations, and `plugins` those of the
    methods, networks and encoders, by entry-point group and name. `reporters` maps every metric, or its family, to the
    evaluation that reports it. `digests` are those of the pixels and labels of each role of data; `splits` are those
    of the samples that it has, which are equal on every processor. `steps` maps the key of every step to its stage, and
    `timings` says when each was done. `started` and `ended` (ISO times, UTC) are the begin of the first session that
    worked on the run and the end of the last of `sessions`; steps that were in the store already may be older.
    Documents of older runs do not say it.
    """

    schema_version: int = SCHEMA_VERSION
    started: str = ""
    ended: str = ""
    sessions: int = 1
    harness: int = 1
    seeds: int = 1
    generation_seeds: int | None = None
    generator_seeds: int | None = None
    ratios: tuple[float, ...] = ()
    request: Mapping[str, Any] = Field(default_factory=dict)
    config: Mapping[str, Any] = Field(default_factory=dict)
    evaluations: Mapping[str, int] = Field(default_factory=dict)
    plugins: Mapping[str, int] = Field(default_factory=dict)
    reporters: Mapping[str, str] = Field(default_factory=dict)
    device_name: str = ""
    division: Mapping[str, Any] = Field(default_factory=dict)
    digests: Mapping[str, str] = Field(default_factory=dict)
    splits: Mapping[str, str] = Field(default_factory=dict)
    steps: Mapping[str, str] = Field(default_factory=dict)
    timings: Mapping[str, Timing] = Field(default_factory=dict)
    artefacts: tuple[Artefact, ...] = ()
    versions: Mapping[str, str] = Field(default_factory=dict)

    def index(self) -> Artefacts:
        """Return the artefacts of the run, which can be looked up by row."""
        return Artefacts(self.artefacts, self.reporters)


def _of_schema_1(values: Mapping[str, Any]) -> dict[str, Any]:
    """Take over what the first schema said under other names."""
    older = {"schema_version": 1, **values}
    older["harness"] = older.pop("protocol", 1)
    older["steps"] = older.pop("jobs", {})
    older["findings"] = {"leakage": older.pop("leakage", [])}
    return older
