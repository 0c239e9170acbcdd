"""How a process does a step, with a store, a context and the step's number of threads."""

from __future__ import annotations

from pathlib import Path

from bench.engine import failures
from bench.engine.context import Run
from bench.engine.reporter import Reporter
from bench.engine.step import Finished, Step
from bench.engine.store import Store
from bench.engine.threads import limited


def execute(step: Step, store: Store, reporter: Reporter, workers: int = 0) -> Finished:
    """Return the finished step; if it is not in the store, do it in this process.

    An error of the step is recorded in the store (see `bench.engine.failures`) and raised unchanged.

    Args:
        step: the step.
        store: the store in which its output is published.
        reporter: shows the progress.
        workers: processes that may load data during the step; no result depends on it.
    """
    name = f"{step.stage}: {step.title}"

    def work(folder: Path) -> None:
        context = Run(step.seed, *step.place, workers, folder, reporter)
        with reporter.step(name), limited(step.place):
            step.run(folder, context)

    def wait() -> None:
        reporter.say(f"{name}: another process is working on it; waiting for its result")

    with failures.recording(store.root, step):
        finished = store.run(step, work, wait=wait, warn=reporter.warn)
    reporter.detail(f"  {finished.path}")
    return finished
