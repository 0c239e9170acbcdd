"""Several worker processes on this machine, each doing one step at a time."""

from __future__ import annotations

import asyncio
import os
import pickle
import struct
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import IO, Any

from bench.engine import failures
from bench.engine.executors.answer import taken
from bench.engine.executors.base import Surroundings
from bench.engine.executors.gpus import VISIBLE
from bench.engine.executors.slots import Slot, Slots
from bench.engine.step import Finished, Step
from bench.engine.threads import environment
from bench.errors import JobError

_HEADER = struct.Struct(">Q")
_DEFAULT_GPU = "default"
_NO_GPU = "none"


class Processes:
    """A pool of worker processes, started when first needed; each does one step at a time.

    A worker is `python -P -m bench.engine.executors.worker` with the thread count of the session in its environment,
    so that its numbers are those of a step done in the driver's process. A step that needs an accelerator has one for
    itself, unless its session lets several share it; the worker sees no other GPU. A worker that died is replaced.
    """

    def __init__(self, jobs: int, gpus: Sequence[str] = ()) -> None:
        """Set up a pool of at most `jobs` workers; none is started yet.

        Args:
            jobs: the number of steps at the same time.
            gpus: the GPUs that steps may use (empty: the one that a process uses by default).
        """
        self.jobs = jobs
        self._slots = Slots(jobs, gpus or [_DEFAULT_GPU])
        self._idle: dict[tuple[str | None, int], list[_Worker]] = {}
        self._all: set[_Worker] = set()
        self._states: dict[str, str] = {}
        self._lock = Lock()
        self._closed = False
        self._threads = ThreadPoolExecutor(jobs)  # each waits for one worker

    async def run(self, step: Step, session: Surroundings) -> Finished:
        """Do a step in a worker and return it finished.

        Raises:
            BenchError: the error that the step raised.
            JobError: the worker died.
        """
        self._states[step.key] = "waiting"
        try:
            return await self._run(step, session)
        finally:
            self._states.pop(step.key, None)

    async def _run(self, step: Step, session: Surroundings) -> Finished:
        asked = self._slots.ask(step.resources.accelerator, session.sharing)
        try:
            slot = await asyncio.wrap_future(asked)
            found = session.store.find(step)  # another process may have done the step while this one waited
            if found is not None:
                self._slots.drop(asked)
                return found
            session.reporter.begins(step)
            self._states[step.key] = "running"
            work = self._threads.submit(self._work, slot, step, session)
        except BaseException:  # cancelled while it waited, or closed
            self._slots.drop(asked)
            raise
        # the worker of a step that nobody awaits any more is busy until it is done
        work.add_done_callback(lambda _: self._slots.release(slot))
        return taken(await asyncio.wrap_future(work), step, session.reporter)

    def states(self) -> Mapping[str, str]:
        """Return the state of every step that was asked for and is not done: `waiting` or `running`."""
        return dict(self._states)

    def close(self) -> None:
        """Stop the workers."""
        with self._lock:
            self._closed = True
            workers = [*self._all]
            self._all.clear()
            self._idle.clear()
        for worker in workers:
            worker.stop()
        self._threads.shutdown()

    def _work(self, slot: Slot, step: Step, session: Surroundings) -> tuple[str, Any]:
        """Have a worker do a step; blocks until then."""
        call = (step, session.store, session.reporter.remote(), session.workers)
        # a GPU that is not a step's own is hidden from it
        gpu = slot.accelerator if step.place.device != "cpu" else _NO_GPU
        worker = self._worker(gpu, session.threads)
        try:
            answer = worker.call(call)
        except Exception as error:  # it died, or one side could not pickle or unpickle
            with self._lock:
                self._all.discard(worker)
            worker.stop()
            if not self._closed:
                failures.write(session.store.root, step, error)
            raise
        with self._lock:
            self._idle.setdefault((gpu, session.threads), []).append(worker)
        return answer

    def _worker(self, gpu: str | None, threads: int) -> _Worker:
        with self._lock:
            if self._closed:
                raise JobError("The executor was closed", fix="run the same command again to continue")
            idle = self._idle.get((gpu, threads))
            if idle:
                return idle.pop()
            worker = _Worker(threads, gpu)
            self._all.add(worker)
            return worker


class _Worker:
    """One worker process and the pipes to it."""

    def __init__(self, threads: int, gpu: str | None) -> None:
        seen = {} if gpu in (None, _DEFAULT_GPU) else {VISIBLE: "" if gpu == _NO_GPU else str(gpu)}
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "bench.engine.executors.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **environment(threads), **seen},
        )

    def call(self, request: Any) -> tuple[str, Any]:
        """Have the worker do a step and return what became of it; blocks until then.

        Raises:
            JobError: the worker died.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            send(self._process.stdin, request)
            answer: tuple[str, Any] = receive(self._process.stdout)
        except (EOFError, OSError) as error:
            code = self._process.wait()
            raise JobError(
                f"A worker process ended while it did {request[0].stage}: {request[0].title}",
                got=f"exit status {code}" + (", perhaps for lack of memory" if code == -9 else ""),
                fix="run the same command again: finished work is kept; use a smaller --jobs if memory is short",
            ) from error
        return answer

    def stop(self) -> None:
        """Kill the worker; the next attempt at its step continues from the checkpoint."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


def send(pipe: IO[bytes], value: Any) -> None:
    """Write one pickled value with its length."""
    data = pickle.dumps(value)
    pipe.write(_HEADER.pack(len(data)) + data)
    pipe.flush()


def receive(pipe: IO[bytes]) -> Any:
    """Return the next pickled value.

    Raises:
        EOFError: the other side closed the pipe.
    """
    header = pipe.read(_HEADER.size)
    if len(header) < _HEADER.size:
        raise EOFError("the pipe was closed")
    (length,) = _HEADER.unpack(header)
    data = pipe.read(length)
    if len(data) < length:
        raise EOFError("the pipe was closed in the middle of a value")
    return pickle.loads(data)
