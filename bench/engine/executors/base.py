"""What an executor is."""

from __future__ import annotations

from typing import Protocol

from bench.engine.reporter import Reporter
from bench.engine.step import Finished, Step
from bench.engine.store import Store


class Surroundings(Protocol):
    """What an executor knows of the session that it works for: where results go, who watches, how much to use."""

    store: Store
    reporter: Reporter
    threads: int
    workers: int


class Executor(Protocol):
    """Does steps for a session; several may be awaited at once."""

    async def run(self, step: Step, session: Surroundings) -> Finished:
        """Do a step that was not in the store a moment ago and return it finished."""
        ...

    def close(self) -> None:
        """End everything that the executor started; steps at work are stopped and keep their checkpoints."""
        ...
