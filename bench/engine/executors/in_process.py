"""The default executor: does steps one after the other in this process."""

from __future__ import annotations

from bench.engine.execute import execute
from bench.engine.executors.base import Surroundings
from bench.engine.step import Finished, Step


class InProcess:
    """Does each step immediately, in the process of the program."""

    async def run(self, step: Step, session: Surroundings) -> Finished:
        """Do a step and return it finished."""
        session.reporter.begins()
        finished = execute(step, session.store, session.reporter, session.workers)
        session.reporter.ended(step)
        return finished

    def close(self) -> None:
        """Do nothing, because nothing was started."""
