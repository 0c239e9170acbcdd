"""What a run would do, found by its own program over a store that only looks."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

from bench.engine.executors import Surroundings
from bench.engine.reporter import Reporter
from bench.engine.session import Parked, drive
from bench.engine.step import Finished, Step
from bench.engine.store import Store
from bench.run.pipeline import open_session, work
from bench.run.resolve import Resolved


class Probe(NamedTuple):
    """How many steps of a run are in the store, and those that would be done next; none where all is there."""

    found: int
    next: Sequence[Step]


class Looking:
    """An executor that does nothing: it notes the steps that it was asked for."""

    def __init__(self) -> None:
        """Begin with no step."""
        self.asked: list[Step] = []

    async def run(self, step: Step, session: Surroundings) -> Finished:
        """Note a step and go no further.

        Raises:
            Parked: always.
        """
        self.asked.append(step)
        raise Parked(step.title)

    def close(self) -> None:
        """End nothing."""


def probe(resolved: Resolved) -> Probe:
    """Follow a run through the store as far as its steps are finished; nothing is written."""
    looking = Looking()
    session = open_session(resolved, Store(resolved.request.store), Reporter(quiet=True), looking)
    with suppress(Parked):
        drive(work(session, resolved))
    return Probe(len(session.finished), looking.asked)
