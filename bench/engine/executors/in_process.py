"""The default executor: steps one after the other, in this process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.engine.execute import execute
from bench.engine.step import Finished, Step

if TYPE_CHECKING:
    from bench.engine.session import Session


class InProcess:
    """Does each step at once, in the process of the program."""

    async def run(self, step: Step, session: Session) -> Finished:
        """Do a step and return it finished."""
        return execute(step, session.store, session.reporter, session.workers)

    def close(self) -> None:
        """End nothing: nothing was started."""
