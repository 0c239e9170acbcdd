"""Running a suite's runs, one after the other or all over one executor; a run that fails does not stop the others."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

from bench.engine.executors import InProcess
from bench.engine.progress import Board
from bench.engine.reporter import Reporter
from bench.engine.session import drive
from bench.engine.stop import Parked
from bench.engine.store import check_writable
from bench.errors import BenchError
from bench.run.driver import Driver, opened
from bench.run.outcome import Outcome
from bench.run.pipeline import do_run, join_run
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


def run_all(checked: Sequence[Checked], reporter: Reporter, name: str = "suite") -> list[Done]:
    """Return the outcome of every run; the error of a run that fails is printed immediately and kept.

    With an executor that does several steps at the same time, all runs share it; with one that does them in this
    process, each run waits for the one before it. A step that several runs need is done once. `name` is that of the
    suite, under which other processes see its progress.

    Raises:
        KeyboardInterrupt: the user asked to stop.
    """
    request = checked[0].request
    check_writable(request.store)
    with opened(request, Board(request.store, name, suite=True), reporter) as driver:
        if isinstance(driver.executor, InProcess):
            return [_run(run, reporter, driver, f"run {n} of {len(checked)}") for n, run in enumerate(checked, 1)]
        return _run_together(checked, reporter, driver)


def _run(run: Checked, reporter: Reporter, driver: Driver, number: str) -> Done:
    driver.stop.check(run.label)
    reporter.say(f"{number}: {run.label}", "bold cyan")
    begun = time.perf_counter()
    try:
        done = _done(run, begun, do_run(run.resolved, reporter, driver, count_steps, run.label))
    except Parked:
        raise
    except Exception as error:  # the other runs continue after any error; an interrupt ends all of them
        done = _failed(run, begun, error, reporter)
    if done.state != "found":
        gc.collect()  # frees memory that a failed run still holds
    return done


def _run_together(checked: Sequence[Checked], reporter: Reporter, driver: Driver) -> list[Done]:
    async def one(run: Checked) -> Done | Parked:
        begun, own = time.perf_counter(), reporter.named(run.label)
        try:
            done = _done(run, begun, await join_run(run.resolved, own, driver, thread, count_steps, run.label))
        except Parked as parked:  # the running steps of the others come to their end
            return parked
        except Exception as error:
            done = _failed(run, begun, error, own)
        own.say(f"{done.state} in {done.seconds:.1f} s", "bold cyan")
        return done

    async def everything() -> list[Done | Parked]:
        return await asyncio.gather(*(one(run) for run in checked))

    with ThreadPoolExecutor(1) as thread:
        ended = drive(everything())
    done = [one for one in ended if isinstance(one, Done)]
    if len(done) < len(ended):
        raise KeyboardInterrupt
    return done


def _done(run: Checked, begun: float, outcome: Outcome) -> Done:
    state: Literal["done", "found"] = "found" if outcome.reused == outcome.steps else "done"
    return Done(run.label, state, time.perf_counter() - begun, outcome)


def _failed(run: Checked, begun: float, error: Exception, reporter: Reporter) -> Done:
    known = error if isinstance(error, BenchError) else _unexpected(error)
    for name, text in (("error", known.message), ("got", known.got), ("fix", known.fix)):
        reporter.say(f"{name + ':':<7}" + text.replace("\n", "\n       "), "red")
    for note in getattr(error, "__notes__", ()):
        reporter.say(note, "red")
        if known is not error:
            known.add_note(note)
    return Done(run.label, "failed", time.perf_counter() - begun, error=known)


def _unexpected(error: Exception) -> BenchError:
    return BenchError(
        "The run failed unexpectedly",
        got=f"{type(error).__name__}: {error}",
        fix="finished work is kept: run the suite again to continue; the traceback is in the log",
    )
