"""Running a suite's runs one after the other; a run that fails does not stop the others."""

from __future__ import annotations

import gc
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from bench.engine.reporter import Reporter
from bench.engine.store import check_writable
from bench.errors import BenchError
from bench.run.outcome import Outcome
from bench.run.pipeline import run_resolved
from bench.suite.check import Checked
from bench.suite.count import count_steps


@dataclass(frozen=True)
class Done:
    """The outcome of one run; its state is `found` if all of its steps were already finished."""

    label: str
    state: Literal["done", "found", "failed"]
    seconds: float
    outcome: Outcome | None = None
    error: BenchError | None = None


def run_all(checked: Sequence[Checked], reporter: Reporter) -> list[Done]:
    """Return the outcome of every run; the error of a run that fails is printed immediately and kept."""
    check_writable(checked[0].request.store)
    done = []
    for number, run in enumerate(checked, 1):
        reporter.say(f"run {number} of {len(checked)}: {run.label}", "bold cyan")
        done.append(_run(run, reporter))
        if done[-1].state != "found":
            gc.collect()  # frees memory that a failed run still holds
    return done


def _run(run: Checked, reporter: Reporter) -> Done:
    begun = time.perf_counter()
    try:
        outcome = run_resolved(run.resolved, reporter, count_steps)
    except Exception as error:  # the other runs continue after any error; an interrupt ends all of them
        known = error if isinstance(error, BenchError) else _unexpected(error)
        lines = ("error: " + known.message, "got:   " + known.got, "fix:   " + known.fix)
        for line in (*lines, *getattr(error, "__notes__", ())):
            reporter.say(line, "red")
        return Done(run.label, "failed", time.perf_counter() - begun, error=known)
    state: Literal["done", "found"] = "found" if outcome.reused == outcome.steps else "done"
    return Done(run.label, state, time.perf_counter() - begun, outcome)


def _unexpected(error: Exception) -> BenchError:
    return BenchError(
        "The run failed unexpectedly",
        got=f"{type(error).__name__}: {error}",
        fix="finished work is kept: run the suite again to continue; the traceback is in the log",
    )
