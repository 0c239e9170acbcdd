"""A request as given on the command line, and the environment variables that complete it."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self

from pydantic import Field, field_validator, model_validator

from bench.contract import Settings
from bench.errors import ConfigError
from bench.harmless import acting


class Environment(NamedTuple):
    """The values of environment variables; they are read only here."""

    store: Path | None
    data_root: Path | None
    weights: Path | None
    tracking_uri: str | None
    track_models: bool = False
    github_actions: bool = False
    offline: bool = False
    mirror: str = ""
    cache: Path = Path("~/.cache")

    @classmethod
    def read(cls, variables: Mapping[str, str] | None = None) -> Environment:
        """Read `BENCH_STORE`, `_DATA_ROOT`, `_WEIGHTS`, `_TRACKING_URI`, `_TRACK_MODELS`, `_OFFLINE` and `_MIRROR`.

        Also `GITHUB_ACTIONS` and `XDG_CACHE_HOME`. `BENCH_TRACK_MODELS` and `BENCH_OFFLINE` are off if empty or 0.
        """
        source = os.environ if variables is None else variables

        def path(name: str) -> Path | None:
            return Path(source[name]).expanduser() if source.get(name) else None

        return cls(
            path("BENCH_STORE"),
            path("BENCH_DATA_ROOT"),
            path("BENCH_WEIGHTS"),
            source.get("BENCH_TRACKING_URI") or None,
            source.get("BENCH_TRACK_MODELS", "") not in ("", "0"),
            source.get("GITHUB_ACTIONS") == "true",
            source.get("BENCH_OFFLINE", "") not in ("", "0"),
            source.get("BENCH_MIRROR", ""),
            path("XDG_CACHE_HOME") or Path("~/.cache").expanduser(),
        )


SHARED_ROLES = ("text", "pool")
"""Roles that a suite or script may give for all of its runs, even if some of their methods do not read them."""


def gather_roles(values: Any) -> Any:
    """Return the fields of a request with `text_dataset` and `pool_dataset` among the roles of `data`.

    Raises:
        ConfigError: two datasets are given for one role.
    """
    if not isinstance(values, Mapping) or not isinstance(values.get("data") or {}, Mapping):
        return values  # the validation of the fields reports it
    left = dict(values)
    data = dict(left.pop("data", None) or {})
    for role in SHARED_ROLES:
        name = left.pop(f"{role}_dataset", None)
        if name is not None and data.setdefault(role, name) != name:
            raise twice(role, data[role], name)
    return {**left, "data": data}


def twice(role: str, first: str, second: str) -> ConfigError:
    """Return the error that two datasets are given for one role."""
    fix = f"give one of them: --data {role}={first}"
    return ConfigError(f"Two datasets are given for the role {role!r}", got=f"{first} and {second}", fix=fix)


PLACES = (
    "store",
    "data_root",
    "weights",
    "tracking_uri",
    "tracking",
    "track_models",
    "workers",
    "jobs",
    "executor",
    "gpus",
    "profile",
    "address",
    "offline",
    "mirror",
)
"""Fields of a request that change no number."""


class RunRequest(Settings):
    """One `bench run`: paths do not change any number; everything else is part of the run's key.

    `data` names a dataset for each role that `dataset` does not fill; `text_dataset` and `pool_dataset` may be given
    instead of its roles "text" and "pool". `protocol` is one of the card's, or the file of a division. Each of `ratios`
    makes an arm, whose set is a part of one set of the largest size. With `generation_seeds`, that many sets are drawn,
    and each of the training `seeds` is used with each of them. With `generator_seeds`, each of these sets is drawn by a
    generator that was trained under the seed of the set. Unless `offline`, what is missing and may be fetched is
    fetched before the run, from `mirror` first if it is given. `devices` is the number of devices that share each batch
    of the trainings which can be divided. `executor` says where steps are done (None: in this process, or in several
    local ones with `jobs` or `gpus`); `profile` and `address` are of a cluster.
    """

    method: str | None = None
    synthetic: str | None = None
    dataset: str
    data: Mapping[str, str] = {}
    preset: str | None = None
    ratios: tuple[float, ...] = ()
    seeds: int = Field(default=1, ge=1)
    generation_seeds: int | None = Field(default=None, ge=1)
    generator_seeds: int | None = Field(default=None, ge=1)
    fold: tuple[int, int] | None = None
    protocol: str | None = None
    overrides: tuple[str, ...] = ()
    controls: tuple[str, ...] | None = None
    downstream: tuple[str, ...] | None = None
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    precision: str | None = None
    devices: int = Field(default=1, ge=1)
    threads: int = Field(default=2, ge=1)
    workers: int | None = Field(default=None, ge=0)
    jobs: int = Field(default=1, ge=1)
    executor: str | None = None
    gpus: tuple[str, ...] = ()
    profile: str = ""
    address: str = ""
    store: Path = Path("bench-store")
    data_root: Path | None = None
    weights: Path | None = None
    tracking_uri: str | None = None
    tracking: bool = True
    track_models: bool = False
    offline: bool = True
    mirror: str = ""

    def what(self) -> dict[str, Any]:
        """Return the fields that say what is computed, as JSON values: all but places and ways of working.

        One device is not named, like in the keys of steps.
        """
        one = {"devices"} if self.devices == 1 else set[str]()
        return self.model_dump(mode="json", exclude=set(PLACES) | one)

    @model_validator(mode="before")
    @classmethod
    def _one_way(cls, values: Any) -> Any:
        return gather_roles(values)

    @field_validator("method", "preset", "overrides", "controls", "downstream")
    @classmethod
    def _names_are_shown(cls, value: Any) -> Any:
        for name in (value,) if isinstance(value, str) else value or ():
            if found := acting(name):
                raise ValueError(f"remove the control character {found}: names are shown on terminals and in tables")
        return value

    @model_validator(mode="after")
    def _one_subject(self) -> Self:
        if (self.method is None) == (self.synthetic is None):
            raise ValueError("name either a method or a synthetic set")
        if self.fold is not None and self.protocol is not None:
            raise ValueError("give either a fold or a protocol, which has all of its folds")
        return self

    @model_validator(mode="after")
    def _one_way_to_several_gpus(self) -> Self:
        others = {
            "--jobs": self.jobs if self.jobs > 1 else "",  # a worker process sees one GPU
            "--gpus": ",".join(self.gpus),
            "--executor": self.executor or "",
        }
        if self.devices > 1 and any(others.values()):
            given = [f"{option} {value}" for option, value in others.items() if value]
            raise ConfigError(
                "--devices shares the trainings of this process among GPUs, and does not go with other processes",
                got=" ".join([f"--devices {self.devices}", *given]),
                fix="leave out --devices, so that each step has a GPU of its own, or leave out --jobs, --gpus and "
                "--executor",
            )
        return self

    @model_validator(mode="after")
    def _one_number_of_sets(self) -> Self:
        sets, generators = self.generation_seeds, self.generator_seeds
        if sets is not None and generators is not None and sets != generators:
            raise ConfigError(
                "--generator-seeds trains one generator per set, but the numbers differ",
                got=f"generator_seeds={generators}, generation_seeds={sets}",
                fix=f"give only --generator-seeds {generators}, which also draws {generators} sets, "
                f"or only --generation-seeds {sets} for sets of one generator",
            )
        return self

    @model_validator(mode="after")
    def _distinct_ratios(self) -> Self:
        if any(not 0 < ratio < math.inf for ratio in self.ratios) or len(set(self.ratios)) < len(self.ratios):
            raise ValueError("`ratios` must be positive numbers, each given once")
        return self
