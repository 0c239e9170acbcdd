"""Jobs: pure functions of hashed inputs whose output is a folder."""

from bench.jobs.job import Finished, Job
from bench.jobs.store import JobStore

__all__ = ["Finished", "Job", "JobStore"]
