"""How any process that an executor started does a step, and says what became of it."""

from __future__ import annotations

import time
import traceback
from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any

from bench.engine.execute import execute
from bench.engine.log import libraries
from bench.engine.reporter import Reporter
from bench.engine.step import Finished, Step
from bench.engine.store import Store
from bench.errors import BenchError, JobError


def answer(step: Step, store: Store, said: Mapping[str, Any], workers: int) -> tuple[str, Any]:
    """Do a step and return ("done", the finished step) or ("error", an error with three parts).

    Args:
        step: the step.
        store: the store in which its output is published.
        said: the arguments of the reporter; see `Reporter.remote`.
        workers: processes that may load data during the step.
    """
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


def taken(answered: tuple[str, Any], step: Step, reporter: Reporter, begun: float | None = None) -> Finished:
    """Return the finished step of an answer, and take its time into account.

    Args:
        answered: what :func:`answer` returned.
        step: the step.
        reporter: that of the driver.
        begun: when the step was sent, as `time.perf_counter` says (None: the worker itself says when it is done).

    Raises:
        BenchError: the error of the step.
    """
    kind, value = answered
    if kind == "error":
        raise value
    finished: Finished = value
    if begun is not None:
        reporter.say(f"  {step.stage}: {step.title}: done in {time.perf_counter() - begun:.1f} s", "green")
    reporter.ended(step)
    return finished
