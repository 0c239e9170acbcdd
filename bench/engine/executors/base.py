"""The interface of executors."""

from __future__ import annotations

from typing import Protocol

from bench.engine.reporter import Reporter
from bench.engine.step import Finished, Step
from bench.engine.store import Store


class Surroundings(Protocol):
    """What an executor needs of its session: the store, the reporter and the number of threads and workers."""

    store: Store
    reporter: Reporter
    threads: int
    workers: int


class Executor(Protocol):
    """Does steps for a session; several steps may be awaited at the same time."""

    async def run(self, step: Step, session: Surroundings) -> Finished:
        """Do a step that was not in the store when the caller looked, and return it finished."""
        ...

    def close(self) -> None:
        """Stop everything that the executor started; running steps keep their checkpoints."""
        ...
