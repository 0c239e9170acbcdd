"""Calls in worker processes while this process does other work; results come in order, and few wait at a time."""

from __future__ import annotations

import contextlib
import os
import pickle
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

from bench.contract import RunContext
from bench.errors import JobError

Argument = TypeVar("Argument")
Result = TypeVar("Result")


def worker_count(run: RunContext) -> int:
    """Return how many processes may work next to this one; 0 if it may use only one thread or has only one core.

    On a CPU, predicting uses `threads` threads, of which one at a time leaves room for decoding. A process that feeds
    an accelerator mostly waits, so there may be as many as `workers` next to it.
    """
    wanted = run.threads - 1
    if run.threads > 1 and run.device != "cpu":
        wanted = max(wanted, run.workers)
    return min(wanted, _cores() - 1)


def overlapped(
    function: Callable[[Argument], Result], arguments: Iterable[Argument], workers: int, ahead: int = 1
) -> Iterator[Result]:
    """Yield `function(argument)` in order; worker processes call it while this process makes the next argument.

    When this process could only wait, it does a call that no worker has begun. A worker is
    `python -P -m downstream.nuclei.worker`: like all workers of the harness it does not see the working directory, and
    it does not run the user's script again.

    Args:
        function: a picklable function.
        arguments: arguments, made in this process.
        workers: the number of processes, at least 1.
        ahead: how many arguments may wait for a worker, at least 1; workers take a second to start.

    Raises:
        Exception: what the function raised.
        JobError: a worker died.
    """
    processes = [_start() for _ in range(workers)]
    idle: SimpleQueue[subprocess.Popen[bytes]] = SimpleQueue()
    for process in processes:
        idle.put(process)

    def call(argument: Argument) -> Result:
        process = idle.get()
        try:
            result: Result = _call(process, function, argument)
        finally:
            idle.put(process)
        return result

    threads = ThreadPoolExecutor(workers)  # each waits for one worker
    abandoned = False
    waiting: deque[_Call[Argument, Result]] = deque()
    try:
        for argument in arguments:
            waiting.append(_Call(argument, threads.submit(call, argument)))
            if len(waiting) >= workers + ahead:
                yield _next(waiting, function)
        while waiting:
            yield _next(waiting, function)
    except GeneratorExit:
        abandoned = True
        raise
    finally:
        for process in processes:
            process.kill()
        # the garbage collector can end a generator while this thread holds a lock that joining a thread needs
        threads.shutdown(wait=not abandoned, cancel_futures=True)
        for process in processes:
            _close(process)


@dataclass
class _Call(Generic[Argument, Result]):
    """An argument, and the result to come."""

    argument: Argument
    result: Future[Result]

    def take_on(self, function: Callable[[Argument], Result]) -> bool:
        """Do the call in this process, unless a worker has begun it; return whether it was done."""
        if not self.result.cancel():
            return False
        self.result = Future()
        try:
            self.result.set_result(function(self.argument))
        except Exception as error:
            self.result.set_exception(error)
        return True


def _next(waiting: deque[_Call[Argument, Result]], function: Callable[[Argument], Result]) -> Result:
    """Return the result of the oldest call; meanwhile do other calls here."""
    while not waiting[0].result.done():
        if not any(call.take_on(function) for call in waiting):
            break
    return waiting.popleft().result.result()


def _cores() -> int:
    # the cores that this process may use; not every system says
    return len(os.sched_getaffinity(0)) if "sched_getaffinity" in dir(os) else os.cpu_count() or 1


def _start() -> subprocess.Popen[bytes]:
    single = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "downstream.nuclei.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, **single},
    )


def _call(process: subprocess.Popen[bytes], function: Callable[[Any], Any], argument: Any) -> Any:
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        pickle.dump((function, argument), process.stdin, pickle.HIGHEST_PROTOCOL)
        process.stdin.flush()
        succeeded, value = pickle.load(process.stdout)
    except (EOFError, OSError, pickle.UnpicklingError) as error:
        code = process.wait()
        raise JobError(
            "A process that separates nuclei ended before its work was done",
            got=f"exit status {code}" + (", perhaps for lack of memory" if code == -9 else ""),
            fix="run the same command again; use --threads 1 if memory is short",
        ) from error
    if not succeeded:
        raise value
    return value


def _close(process: subprocess.Popen[bytes]) -> None:
    process.wait()
    for pipe in (process.stdin, process.stdout):
        assert pipe is not None
        with contextlib.suppress(OSError):  # what was written last did not reach the worker
            pipe.close()
