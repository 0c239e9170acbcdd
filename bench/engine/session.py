"""The session of a run: its program awaits steps, and each step is done once."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field, replace
from typing import Any, Self, TypeVar

from bench.engine.device import Device
from bench.engine.executors import Executor, InProcess
from bench.engine.reporter import Reporter
from bench.engine.step import Finished, Place, Step
from bench.engine.store import Store

Result = TypeVar("Result")


@dataclass
class Session:
    """One request in progress: the store, the device, the executor and the reporter.

    `workers` is the number of processes that load data during a training. A step that several parts of the program
    need at the same time is done once. `about` is added to the titles of steps. `sharing` is the number of steps that
    may share one accelerator.
    """

    store: Store
    reporter: Reporter
    device: Device
    precision: str
    threads: int
    workers: int = 0
    executor: Executor = field(default_factory=InProcess)
    about: str = ""
    sharing: int = 1
    finished: dict[str, Finished] = field(default_factory=dict)
    _asked: dict[str, asyncio.Task[Finished]] = field(default_factory=dict)

    @property
    def numeric(self) -> Place:
        """The place of steps in plain numpy, which give the same result on every device."""
        return Place(threads=self.threads)

    @property
    def torch(self) -> Place:
        """The place of steps in torch, whose results depend on device kind, precision and threads."""
        return Place(self.device.kind, self.precision, self.threads)

    def part(self, about: str) -> Self:
        """Return the same session for a part of the program, which is named in the titles of its steps."""
        return replace(self, about=about)

    async def do(self, step: Step) -> Finished:
        """Return the finished step; if it is not in the store, the executor does it."""
        task = self._asked.get(step.key)
        if task is None:
            task = start(self._do(replace(step, title=f"{step.title}, {self.about}") if self.about else step))
            self._asked[step.key] = task
        return await task

    async def _do(self, step: Step) -> Finished:
        finished = self.store.find(step)
        if finished is None:
            finished = await self.executor.run(step, self)
        self.finished[step.key] = finished
        return finished

    @property
    def reused(self) -> int:
        """The number of steps that were already in the store."""
        return sum(finished.reused for finished in self.finished.values())


def drive(program: Coroutine[Any, Any, Result]) -> Result:
    """Run a program to its end and return its result; its first error ends it and is raised unchanged.

    Unlike with `asyncio.run`, an interrupt immediately ends a step that runs in this process.
    """
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(program)
    finally:
        rest = asyncio.all_tasks(loop)
        for task in rest:
            task.cancel()
        if rest:
            loop.run_until_complete(asyncio.wait(rest))
        loop.close()


class Parked(Exception):  # noqa: N818  # not an error: a program that does no work stops here
    """Raised for a step that is not in the store if no work may be done."""


def start(program: Coroutine[Any, Any, Result]) -> asyncio.Task[Result]:
    """Run a program concurrently with the caller's, whether or not it is awaited later."""
    task = asyncio.ensure_future(program)
    task.add_done_callback(_look_at)
    return task


def _look_at(task: asyncio.Task[Any]) -> None:
    # the first of several errors is raised; asyncio prints the others unless they are retrieved
    if not task.cancelled():
        task.exception()


async def together(*programs: Coroutine[Any, Any, Result]) -> list[Result]:
    """Await several programs concurrently and return their results in order.

    The first error cancels the others and is raised; after a parked program, the others continue as far as they can.
    """
    tasks = [start(program) for program in programs]
    pending = set(tasks)
    try:
        while pending:
            done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_EXCEPTION)
            for task in done:
                error = task.exception()
                if error is not None and not isinstance(error, Parked):
                    raise error
    finally:
        for task in pending:
            task.cancel()
    return [task.result() for task in tasks]
