"""The default executor: does steps one after the other in this process."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from bench.engine.execute import execute
from bench.engine.executors.base import Surroundings
from bench.engine.step import Finished, Step

SETTLING = 50
"""Rounds of the event loop between two steps, in which programs receive the result or the error of the first one."""


class InProcess:
    """Does one step after the other in the process of the program.

    Nothing else happens while a step runs, so the programs continue before the next one begins: an error that says that
    the request is wrong then cancels it.
    """

    def __init__(self) -> None:
        """Do nothing yet."""
        self._running: dict[str, str] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._turn = asyncio.Lock()

    async def run(self, step: Step, session: Surroundings) -> Finished:
        """Do a step when its turn comes, and return it finished."""
        async with self._turn_of(asyncio.get_running_loop()):
            for _ in range(SETTLING):
                await asyncio.sleep(0)
            session.reporter.begins(step)
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

    def _turn_of(self, loop: asyncio.AbstractEventLoop) -> asyncio.Lock:
        if self._loop is not loop:  # a lock belongs to one event loop
            self._loop, self._turn = loop, asyncio.Lock()
        return self._turn
