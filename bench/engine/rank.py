"""One of the processes that train a network together: reads its step from standard input and does its share."""

from __future__ import annotations

import os
import pickle
import signal
import sys
import threading
import traceback
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from bench.contract import Ranks
from bench.engine.context import Run
from bench.engine.launch import error_file
from bench.engine.log import libraries
from bench.engine.reporter import Reporter
from bench.engine.step import Step
from bench.engine.threads import limited
from bench.errors import BenchError, JobError


def main() -> None:
    """Do the step; ends with status 1 if it fails, and when the process that started it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole terminal: the starting process ends all
    os.dup2(2, 1)  # what libraries print goes to standard error
    request: dict[str, Any] = pickle.load(sys.stdin.buffer)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    step, ranks = request["step"], request["ranks"]
    said = request["said"] if ranks.rank == 0 else {"quiet": True, "live": False}
    reporter = Reporter(**said)
    error = _do(step, ranks, request["workers"], reporter)
    if error is None:
        return
    unfinished = error_file(ranks.meeting, ranks.rank).with_suffix(".tmp")
    unfinished.write_bytes(pickle.dumps(error))
    os.replace(unfinished, error_file(ranks.meeting, ranks.rank))
    sys.stderr.flush()
    os._exit(1)  # without waiting for threads of a broken connection


def _do(step: Step, ranks: Ranks, workers: int, reporter: Reporter) -> BenchError | None:
    folder = ranks.folder if ranks.rank == 0 else ranks.meeting / f"rank-{ranks.rank}"
    folder.mkdir(exist_ok=True)
    context = Run(step.seed, *step.place, workers, Path(folder), reporter, ranks=ranks)
    log = reporter.log
    try:
        with nullcontext() if log is None else libraries(log, reporter.warn), limited(step.place):
            step.run(folder, context)
    except BenchError as error:
        return error
    except Exception as error:
        if log is not None:
            log.write_error(error)
        elif ranks.rank == 0:
            traceback.print_exc()
        return JobError(
            f"A step failed: {step.stage}: {step.title}",
            got=f"{type(error).__name__}: {error} (process {ranks.rank} of {ranks.size})",
            fix="run the same command again to continue, finished work is kept",
        )
    return None


def _end_with_parent() -> None:
    while os.read(0, 1024):  # not from the buffered file, which a waiting thread would keep locked at exit
        pass
    os._exit(1)


if __name__ == "__main__":
    main()
