"""What an executor is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from bench.engine.step import Finished, Step

if TYPE_CHECKING:
    from bench.engine.session import Session


class Executor(Protocol):
    """Does steps for a session; several may be awaited at once."""

    async def run(self, step: Step, session: Session) -> Finished:
        """Do a step that was not in the store a moment ago and return it finished."""
        ...

    def close(self) -> None:
        """End everything that the executor started; steps at work are stopped and keep their checkpoints."""
        ...
