"""What every stage works with: the store, the device and the people watching."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.engine.context import Run
from bench.engine.device import Device
from bench.engine.job import Finished, Job
from bench.engine.reporter import Reporter
from bench.engine.store import JobStore

Work = Callable[[Path, Run], None]


@dataclass
class Session:
    """One process at work on one request."""

    store: JobStore
    reporter: Reporter
    device: Device
    precision: str
    threads: int
    workers: int
    finished: list[Finished] = field(default_factory=list)

    def numeric(self, stage: str, config: Any, inputs: Mapping[str, str], title: str, seed: int = 0) -> Job:
        """Describe a job of plain numpy: same result on every device."""
        return Job(stage, config, inputs, seed=seed, threads=self.threads, title=title)

    def torch(self, stage: str, config: Any, inputs: Mapping[str, str], title: str, seed: int = 0) -> Job:
        """Describe a job of torch: its result depends on device kind, precision and threads."""
        return Job(stage, config, inputs, seed, self.device.kind, self.precision, threads=self.threads, title=title)

    def do(self, job: Job, work: Work, *, within: bool = False) -> Finished:
        """Return the finished job, doing it where it is not in the store.

        A job `within` another is asked for only while that one is done; it is no step of the run by itself.
        """

        def inside(folder: Path) -> None:
            self.reporter.say(f"{job.stage}: {job.title}", "bold")
            if job.precision:
                _limit_torch(job.threads)
            run = Run(job.seed, job.device, job.precision, job.threads, self.workers, folder, self.reporter)
            work(folder, run)

        begun = time.perf_counter()
        finished = self.store.run(job, inside, wait=lambda: self._waiting(job))
        if not finished.reused:
            self.reporter.say(f"  done in {time.perf_counter() - begun:.1f} s", "green")
        if not within:
            self.finished.append(finished)
        return finished

    def _waiting(self, job: Job) -> None:
        self.reporter.say(f"{job.stage}: {job.title}: another process is at it, waiting for its result")

    @property
    def reused(self) -> int:
        """How many jobs were found finished."""
        return sum(finished.reused for finished in self.finished)


def _limit_torch(threads: int) -> None:
    """Give torch exactly the threads that the job's key names: sums depend on how they are split."""
    import torch

    torch.set_num_threads(threads)
