"""A request as the command line gives it, and the environment variables it may come from."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, NamedTuple, Self

from pydantic import Field, model_validator

from bench.contract import Settings


class Environment(NamedTuple):
    """What environment variables say; this is the only place that reads any."""

    store: Path | None
    data_root: Path | None
    weights: Path | None
    tracking_uri: str | None

    @classmethod
    def read(cls, variables: Mapping[str, str] | None = None) -> Environment:
        """Read `BENCH_STORE`, `BENCH_DATA_ROOT`, `BENCH_WEIGHTS` and `BENCH_TRACKING_URI`."""
        source = os.environ if variables is None else variables

        def path(name: str) -> Path | None:
            return Path(source[name]).expanduser() if source.get(name) else None

        return cls(
            path("BENCH_STORE"),
            path("BENCH_DATA_ROOT"),
            path("BENCH_WEIGHTS"),
            source.get("BENCH_TRACKING_URI") or None,
        )


class RunRequest(Settings):
    """One `bench run`: paths are where things lie and change no number; everything else is part of the run's key."""

    method: str | None = None
    synthetic: str | None = None
    dataset: str
    text_dataset: str | None = None
    pool_dataset: str | None = None
    preset: str | None = None
    seeds: int = Field(default=1, ge=1)
    fold: tuple[int, int] | None = None
    overrides: tuple[str, ...] = ()
    controls: tuple[str, ...] | None = None
    downstream: tuple[str, ...] | None = None
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    precision: str | None = None
    threads: int = Field(default=2, ge=1)
    workers: int = Field(default=0, ge=0)
    jobs: int = Field(default=1, ge=1)
    store: Path = Path("bench-store")
    data_root: Path | None = None
    weights: Path | None = None
    tracking_uri: str | None = None
    tracking: bool = True

    @model_validator(mode="after")
    def _one_subject(self) -> Self:
        if (self.method is None) == (self.synthetic is None):
            raise ValueError("name either a method or a synthetic set")
        return self
