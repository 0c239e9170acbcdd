"""The function that a job of Slurm calls: one step, which continues from its checkpoint if the job is queued again."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from typing import Any

from bench.engine.executors.answer import answer
from bench.engine.step import Step
from bench.engine.store import Store
from bench.errors import JobError

# What submitit raises in a job that may not be queued again, and what it says if the job cannot do it itself.
_OVER = "UncompletedJobError"
_CANNOT = "returned None"
AGAIN = "again"
"""The answer of a job that must be sent again by the driver."""


class StepJob:
    """Does one step; submitit pickles it, and pickles it again when the job is preempted or its time is over."""

    def __init__(self, step: Step, store: Store, said: Mapping[str, Any], workers: int) -> None:
        """Keep what :func:`bench.engine.executors.answer.answer` needs."""
        self.step, self.store, self.said, self.workers = step, store, said, workers

    def __call__(self) -> tuple[str, Any]:
        """Do the step and return what became of it."""
        kind, value = answer(self.step, self.store, self.said, self.workers)
        if kind == "error" and isinstance(value, JobError) and value.got.startswith(_OVER):
            return (AGAIN, None) if _CANNOT in value.got else ("error", out_of_time(self.step))
        return kind, value

    def checkpoint(self, *_: object) -> Any:
        """Return what the job does when it starts again: the same, from the step's own checkpoint in the store.

        None if the job cannot queue itself again, since a container does not have the commands of Slurm.
        """
        if os.environ.get("SUBMITIT_EXECUTOR") == "slurm" and shutil.which("scontrol") is None:
            return None
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)


def out_of_time(step: Step) -> JobError:
    """Return the error of a step whose jobs used up their time as often as the profile allows."""
    return JobError(
        f"The jobs of {step.stage}: {step.title} used up their time",
        got="every job that the profile allows was ended by the time limit",
        fix="run the same command again to continue from the checkpoint; raise `minutes` or `requeues` in the profile",
    )
