"""What a run would do, told without doing it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from bench.engine.job import Finished, Job
from bench.engine.reporter import Reporter
from bench.engine.store import JobStore
from bench.plan.arms import Arm
from bench.run.pipeline import Resolved, do_jobs, open_session


class Probe(NamedTuple):
    """What of a run is in the store: jobs found in order, and the first that is not (None: all are)."""

    found: int
    first: Job | None


class _Absent(Exception):  # noqa: N818  # no error: it says where a run would begin to work
    def __init__(self, job: Job) -> None:
        super().__init__(job.title)
        self.job = job


class _LookingStore(JobStore):
    """A store that finds and never works."""

    def run(self, job: Job, work: Callable[[Path], None], *, wait: Callable[[], None] | None = None) -> Finished:
        """Return the finished job.

        Raises:
            _Absent: there is none.
        """
        found = self.find(job)
        if found is None:
            raise _Absent(job)
        return found


def probe(resolved: Resolved) -> Probe:
    """Follow a run through the store as far as its jobs are finished; nothing is written."""
    session = open_session(resolved, _LookingStore(resolved.request.store), Reporter(quiet=True))
    try:
        do_jobs(session, resolved)
    except _Absent as absent:
        return Probe(len(session.finished), absent.job)
    return Probe(len(session.finished), None)


def about_jobs(resolved: Resolved) -> int:
    """Return roughly how many jobs a run has: what is shared with other runs or already done counts too."""
    seeds, nuclei = resolved.request.seeds, resolved.card.task == "nuclei"
    parts = {(part.name, part.config.model_dump_json()) for arm in resolved.arms for part in arm.method.parts()}
    each_seed = sum(_jobs_of(resolved, arm, nuclei) for arm in resolved.arms)
    return len(resolved.splits) + len(resolved.others) + len(parts) + seeds * each_seed


def _jobs_of(resolved: Resolved, arm: Arm, nuclei: bool) -> int:
    """Count the jobs of one arm under one seed: a set and what is compared with it, networks, test masks."""
    tested = 3 * len(resolved.networks)
    if arm.ratio == 0:
        return tested
    compared = 2 * (len(resolved.encoders) + 1) + (1 if arm in resolved.subjects else 0)
    masks = 3 if nuclei and arm.method.draws_any_mask else 0
    return 1 + compared + tested + masks
