"""Find what a run would do by following its program through the store without doing any step."""

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
    """The number of steps of a run in the store, and the steps that would run next (none if all are finished)."""

    found: int
    next: Sequence[Step]


class Looking:
    """An executor that only records the steps that are requested."""

    def __init__(self) -> None:
        """Start with no step."""
        self.asked: list[Step] = []

    async def run(self, step: Step, session: Surroundings) -> Finished:
        """Record a step and stop.

        Raises:
            Parked: always.
        """
        self.asked.append(step)
        raise Parked(step.title)

    def close(self) -> None:
        """Do nothing: there is nothing to close."""


def probe(resolved: Resolved) -> Probe:
    """Return how far a run is finished and what comes next; nothing is written."""
    looking = Looking()
    session = open_session(resolved, Store(resolved.request.store), Reporter(quiet=True), looking)
    with suppress(Parked):
        drive(work(session, resolved))
    return Probe(len(session.finished), looking.asked)
