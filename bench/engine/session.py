"""What a run's program works with: it awaits steps, each of which is done once."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

from bench.engine.device import Device
from bench.engine.executors import Executor, InProcess
from bench.engine.reporter import Reporter
from bench.engine.step import Finished, Place, Step
from bench.engine.store import Store

Result = TypeVar("Result")


@dataclass
class Session:
    """One request at work: the store, the device, the executor and the people watching.

    `workers` is the number of processes that load data beside a training. A step that several parts of the program
    ask for at the same time is done once.
    """

    store: Store
    reporter: Reporter
    device: Device
    precision: str
    threads: int
    workers: int = 0
    executor: Executor = field(default_factory=InProcess)
    finished: dict[str, Finished] = field(default_factory=dict)
    _asked: dict[str, asyncio.Task[Finished]] = field(default_factory=dict)

    @property
    def numeric(self) -> Place:
        """Where steps of plain numpy run: they give the same result on every device."""
        return Place(threads=self.threads)

    @property
    def torch(self) -> Place:
        """Where steps of torch run: results depend on device kind, precision and threads."""
        return Place(self.device.kind, self.precision, self.threads)

    async def do(self, step: Step) -> Finished:
        """Return the finished step, having the executor do it where it is not in the store."""
        task = self._asked.get(step.key)
        if task is None:
            task = start(self._do(step))
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
        """How many steps were found finished."""
        return sum(finished.reused for finished in self.finished.values())


def drive(program: Coroutine[Any, Any, Result]) -> Result:
    """Run a program to its end and return its result; its first error ends it and is raised as it is.

    Unlike `asyncio.run`, an interrupt ends a step that works in this process at once.
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


class Parked(Exception):  # noqa: N818  # no error: a program that only looks goes no further here
    """What a step that is not in the store gives where nothing may be done."""


def start(program: Coroutine[Any, Any, Result]) -> asyncio.Task[Result]:
    """Have a program go on beside the caller's, whether or not anybody comes to await it."""
    task = asyncio.ensure_future(program)
    task.add_done_callback(_look_at)
    return task


def _look_at(task: asyncio.Task[Any]) -> None:
    # of several errors at once the first is raised; asyncio prints the others, unless they were looked at
    if not task.cancelled():
        task.exception()


async def together(*programs: Coroutine[Any, Any, Result]) -> list[Result]:
    """Await several programs at once and return their results in order.

    The first error cancels the others and is raised; a parked program lets the others go on as far as they can.
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
