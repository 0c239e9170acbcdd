"""The session of a run: its program awaits steps, each step is done once, and a failed one stops no other."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Coroutine
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, NamedTuple, Self, TypeVar

from bench.engine.device import Device
from bench.engine.executors import Executor, InProcess
from bench.engine.progress import RunProgress
from bench.engine.reporter import BEGINNING, Reporter
from bench.engine.step import Finished, Place, Step
from bench.engine.stop import Parked as Parked
from bench.engine.stop import Stop
from bench.engine.store import Store
from bench.errors import BenchError, ConfigError, MissingError

Result = TypeVar("Result")


class FailedStep(NamedTuple):
    """A step that failed, and its error."""

    step: Step
    error: Exception


class Asked:
    """A step that is being done, or was; `session` is the list of finished steps of the session that asked first."""

    def __init__(self, task: asyncio.Task[Finished], session: object) -> None:
        """Nobody awaits the task yet."""
        self.task, self.session, self._awaited = task, session, 0

    async def result(self) -> Finished:
        """Return the finished step, or raise its error; if everybody who awaits it is cancelled, so is the step."""
        self._awaited += 1
        try:
            if not self.task.done():  # a task of an earlier event loop is
                await asyncio.wait([self.task])
        finally:
            self._awaited -= 1
            if not self._awaited:
                self.task.cancel()
        return self.task.result()


@dataclass
class Session:
    """One request in progress: the store, the device, the executor and the reporter.

    `workers` is the number of processes that load data during a training. A step that several parts of the program
    need at the same time is done once, also by several sessions with the same `asked`. `about` is added to the titles
    of steps. `sharing` is the number of steps that may share one accelerator. `stop` says whether further steps may
    begin, and `progress` receives what becomes of each.
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
    failed: dict[str, FailedStep] = field(default_factory=dict)
    asked: dict[str, Asked] = field(default_factory=dict)
    stop: Stop = field(default_factory=Stop)
    progress: RunProgress | None = None

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
        """Return the finished step; if it is not in the store, the executor does it.

        Raises:
            Stopped: the user asked to stop before the step began.
            Exception: the error of the step, which is noted in `failed` unless the request is wrong.
        """
        named = replace(step, title=f"{step.title}, {self.about}") if self.about else step
        asked = self.asked.get(step.key)
        if asked is None or asked.task.cancelled() or _parked(asked.task):
            asked = self.asked[step.key] = Asked(start(self._do(named)), self.finished)
        own = asked.session is self.finished
        if self.progress is not None:
            self.progress.asks(named)
        try:
            finished = await asked.result()
        except Exception as error:
            if continues_after(error) and not isinstance(error, Parked):
                self._fails(named, error)
            raise
        if not own and step.key not in self.finished:
            finished = replace(finished, reused=True)
            self.reporter.found(step)
        self._ends(named, finished)
        return self.finished[step.key]

    async def _do(self, step: Step) -> Finished:
        finished = self.store.find(step)
        if finished is not None:
            return finished
        self.stop.check(step.title)
        BEGINNING.set(partial(self._begins, step))
        return await self.executor.run(step, self)

    def _begins(self, step: Step) -> None:
        self.stop.check(step.title)
        if self.progress is not None:
            self.progress.begins(step)

    def _ends(self, step: Step, finished: Finished) -> None:
        if step.key not in self.finished:
            self.finished[step.key] = finished
            if self.progress is not None:
                self.progress.ends(step, "cached" if finished.reused else "done")

    def _fails(self, step: Step, error: Exception) -> None:
        if step.key in self.failed:
            return
        failed = self.failed[step.key] = FailedStep(step, error)
        self.reporter.failed(f"{step.stage}: {step.title}", cause(failed), error)
        _forget_frames(error)
        if self.progress is not None:
            self.progress.ends(step, "failed", cause(failed))

    @property
    def reused(self) -> int:
        """The number of steps that were already in the store."""
        return sum(finished.reused for finished in self.finished.values())


def cause(failed: FailedStep) -> str:
    """Return why a step failed, in one line."""
    error, name = failed.error, f"{failed.step.stage}: {failed.step.title}"
    message, got = (error.message, error.got) if isinstance(error, BenchError) else ("", "")
    if not message:
        text = f"{type(error).__name__}: {error}"
    else:
        # some errors name the step, which every list of failed steps does
        text = got if got and message.endswith(name) else ": ".join(filter(None, (message, got)))
    return " ".join(text.split())


def continues_after(error: BaseException) -> bool:
    """Return whether other parts of a program continue after an error: not if the request is wrong, or interrupted."""
    return isinstance(error, Exception) and not isinstance(error, ConfigError | MissingError)


def _parked(task: asyncio.Task[Finished]) -> bool:
    return task.done() and not task.cancelled() and isinstance(task.exception(), Parked)


def _forget_frames(error: BaseException | None) -> None:
    """Free the variables of failed work, such as networks, while its error is kept."""
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__


def drive(program: Coroutine[Any, Any, Result]) -> Result:
    """Run a program to its end and return its result; its error is raised unchanged.

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

    After a program that failed, the others continue as far as they can; then the error of the first one in order is
    raised. An error that says that the request is wrong cancels the others and is raised immediately.
    """
    tasks = [start(program) for program in programs]
    pending = set(tasks)
    try:
        while pending:
            done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_EXCEPTION)
            for task in done:
                error = task.exception()
                if error is not None and not continues_after(error):
                    raise error
    finally:
        for task in pending:
            task.cancel()
    errors = [error for task in tasks if (error := task.exception()) is not None]
    for error in errors:
        if not isinstance(error, Parked):
            raise error
    return [task.result() for task in tasks]
