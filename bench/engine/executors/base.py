"""The interface of executors, and of the plugins that open them (entry-point group `bench.executors`)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from pydantic import BaseModel

from bench.engine.reporter import Reporter
from bench.engine.step import Finished, Step
from bench.engine.store import Store
from bench.errors import ConfigError

Profile = TypeVar("Profile", bound=BaseModel)


class Surroundings(Protocol):
    """What an executor needs of a session.

    `threads` is the number of threads of numerical libraries, `workers` the number of processes that load data, and
    `sharing` the number of steps that may share one accelerator.
    """

    store: Store
    reporter: Reporter
    threads: int
    workers: int
    sharing: int


class Executor(Protocol):
    """Does steps; several steps of several sessions may be awaited at the same time, also from several event loops."""

    async def run(self, step: Step, session: Surroundings) -> Finished:
        """Do a step that was not in the store when the caller looked, and return it finished."""
        ...

    def states(self) -> Mapping[str, str]:
        """Return the state of every step that was asked for and is not done, by key: `waiting`, `running` and so on."""
        ...

    def close(self) -> None:
        """Stop everything that the executor started; running steps keep their checkpoints."""
        ...


class ReadProfile(Protocol):
    """Reads a profile: a YAML file, or one of ours by its name."""

    def __call__(self, model: type[Profile], name: str, /) -> Profile:
        """Return the profile."""
        ...


def no_profile(model: type[Profile], name: str, /) -> Profile:
    """Refuse to read a profile."""
    raise ConfigError("Profiles cannot be read here", got=name)


@dataclass(frozen=True, kw_only=True)
class ExecutorOptions:
    """What the user chose.

    `store` is the folder that all processes share, `jobs` the number of steps at the same time, `gpus` names the GPUs
    that steps may use (empty: all that are visible), `profile` is a YAML file or the name of one of ours, `address` is
    that of a cluster, `device` is the kind of device that was asked for. `read_profile` reads and checks a profile.
    """

    store: Path
    jobs: int = 1
    gpus: tuple[str, ...] = ()
    profile: str = ""
    address: str = ""
    device: str = "auto"
    threads: int = 1
    workers: int = 0
    read_profile: ReadProfile = no_profile


class ExecutorPlugin(ABC):
    """Base of what the entry-point group `bench.executors` names; options that it does not read must be empty."""

    name: str
    reads: frozenset[str] = frozenset()
    """Which of the options `jobs`, `gpus`, `profile` and `address` it reads; others are refused."""

    @classmethod  # noqa: B027  # an executor that always works needs no check
    def check(cls, options: ExecutorOptions) -> None:
        """Check that it can work here; must take no more than a few seconds and start nothing.

        Raises:
            BenchError: it cannot work.
        """

    @classmethod
    def elsewhere(cls, options: ExecutorOptions) -> bool:
        """Return whether it does steps on other machines, whose devices and memory are not those of this one."""
        return False

    @classmethod
    @abstractmethod
    def open(cls, options: ExecutorOptions) -> Executor:
        """Return an executor, which the caller closes."""
