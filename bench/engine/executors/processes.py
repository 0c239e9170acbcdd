"""Several worker processes on this machine, each doing one step at a time."""

from __future__ import annotations

import asyncio
import os
import pickle
import struct
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import IO, Any

from bench.engine.executors.base import Surroundings
from bench.engine.step import Finished, Step
from bench.engine.threads import WAITING
from bench.errors import JobError

_HEADER = struct.Struct(">Q")


class Processes:
    """A pool of at most `jobs` worker processes, started when first needed.

    A worker is `python -P -m bench.engine.executors.worker` with the thread count of the session in its environment,
    so that its numbers are those of a step done in the driver's process.
    """

    def __init__(self, jobs: int) -> None:
        """Set up a pool of `jobs` workers; none is started yet."""
        self.jobs = jobs
        self._free = asyncio.Semaphore(jobs)
        self._idle: list[_Worker] = []
        self._all: list[_Worker] = []
        self._threads = ThreadPoolExecutor(jobs)  # each waits for one worker

    async def run(self, step: Step, session: Surroundings) -> Finished:
        """Do a step in a worker and return it finished.

        Raises:
            BenchError: the error that the step raised.
            JobError: the worker died.
        """
        async with self._free:
            found = session.store.find(step)  # another process may have done the step while this one waited
            if found is not None:
                return found
            session.reporter.begins()
            worker = self._idle.pop() if self._idle else self._start(session)
            call = (step, session.store, session.reporter.remote(), session.workers)
            loop = asyncio.get_running_loop()
            kind, value = await loop.run_in_executor(self._threads, worker.call, call)
            self._idle.append(worker)
            if kind == "error":
                raise value
            finished: Finished = value
            session.reporter.ended(step)
            return finished

    def close(self) -> None:
        """Stop the workers."""
        for worker in self._all:
            worker.stop()
        self._all.clear()
        self._idle.clear()
        self._threads.shutdown()

    def _start(self, session: Surroundings) -> _Worker:
        worker = _Worker(session.threads)
        self._all.append(worker)
        return worker


class _Worker:
    """One worker process and the pipes to it."""

    def __init__(self, threads: int) -> None:
        limits = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(threads))
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "bench.engine.executors.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **limits, **WAITING},
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
