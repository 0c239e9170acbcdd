"""A worker process: reads pickled steps from standard input, does them, and writes back the results or errors."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Mapping
from contextlib import nullcontext
from typing import IO, Any

from bench.engine.execute import execute
from bench.engine.executors.processes import receive, send
from bench.engine.log import libraries
from bench.engine.reporter import Reporter
from bench.errors import BenchError, JobError


def serve(requests: IO[bytes], answers: IO[bytes]) -> None:
    """Do steps until the other side closes the pipe."""
    while True:
        try:
            request = receive(requests)
        except EOFError:
            return
        send(answers, _answer(*request))


def _answer(step: Any, store: Any, said: Mapping[str, Any], workers: int) -> tuple[str, Any]:
    reporter = Reporter(**said)
    log = reporter.log
    try:
        with nullcontext() if log is None else libraries(log, reporter.warn):
            return "done", execute(step, store, reporter, workers)
    except BenchError as error:
        if log is not None:
            log.write_error(error)
        return "error", error
    except Exception as error:
        if log is None:
            traceback.print_exc()
        else:
            log.write_error(error)
        return "error", JobError(
            f"A step failed: {step.stage}: {step.title}",
            got=f"{type(error).__name__}: {error}",
            fix="run the same command again to continue, finished work is kept; the traceback is "
            + ("above" if log is None else "in the log"),
        )


def main() -> None:
    """Serve the process that started this one; anything that a library prints goes to standard error."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole terminal: the driver ends its workers
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    serve(sys.stdin.buffer, answers)


if __name__ == "__main__":
    main()
