"""The default executor: does steps one after the other in this process."""

from __future__ import annotations

from collections.abc import Mapping

from bench.engine.execute import execute
from bench.engine.executors.base import Surroundings
from bench.engine.step import Finished, Step


class InProcess:
    """Does each step immediately, in the process of the program."""

    def __init__(self) -> None:
        """Do nothing yet."""
        self._running: dict[str, str] = {}

    async def run(self, step: Step, session: Surroundings) -> Finished:
        """Do a step and return it finished."""
        session.reporter.begins()
        self._running[step.key] = "running"
        try:
            finished = execute(step, session.store, session.reporter, session.workers)
        finally:
            self._running.pop(step.key, None)
        session.reporter.ended(step)
        return finished

    def states(self) -> Mapping[str, str]:
        """Return the state of the step that is being done, if any."""
        return dict(self._running)

    def close(self) -> None:
        """Do nothing, because nothing was started."""
