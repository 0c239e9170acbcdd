"""A suite's runs, one after the other: one that fails does not stop the others."""

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


@dataclass(frozen=True)
class Done:
    """What became of one run: `found` where all of it was done before."""

    label: str
    state: Literal["done", "found", "failed"]
    seconds: float
    outcome: Outcome | None = None
    error: BenchError | None = None


def run_all(checked: Sequence[Checked], reporter: Reporter) -> list[Done]:
    """Do every run; the errors of those that fail are said at once and kept."""
    check_writable(checked[0].request.store)
    done = []
    for number, run in enumerate(checked, 1):
        reporter.say(f"run {number} of {len(checked)}: {run.label}", "bold cyan")
        done.append(_run(run, reporter))
        gc.collect()  # what a failed run held on to, the next one may need
    return done


def _run(run: Checked, reporter: Reporter) -> Done:
    begun = time.perf_counter()
    try:
        outcome = run_resolved(run.resolved, reporter)
    except Exception as error:  # whatever ends a run, the others go on; an interrupt ends them all
        known = error if isinstance(error, BenchError) else _unexpected(error)
        for line in ("error: " + known.message, "got:   " + known.got, "fix:   " + known.fix):
            reporter.say(line, "red")
        return Done(run.label, "failed", time.perf_counter() - begun, error=known)
    state: Literal["done", "found"] = "found" if outcome.reused == outcome.steps else "done"
    return Done(run.label, state, time.perf_counter() - begun, outcome)


def _unexpected(error: Exception) -> BenchError:
    return BenchError(
        "expected the run to end without a fault of its own",
        got=f"{type(error).__name__}: {error}",
        fix="finished work is kept: run the suite again to go on; `bench run --debug` shows the traceback of one run",
    )
