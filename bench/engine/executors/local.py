"""The executor `local`: worker processes on this machine."""

from __future__ import annotations

from bench.engine.executors.base import Executor, ExecutorOptions, ExecutorPlugin
from bench.engine.executors.gpus import check_gpus, visible_gpus
from bench.engine.executors.processes import Processes


class Local(ExecutorPlugin):
    """Worker processes on this machine: one per GPU, or so many as `--jobs` says."""

    name = "local"
    reads = frozenset({"jobs", "gpus"})

    @classmethod
    def check(cls, options: ExecutorOptions) -> None:
        """Check that the named GPUs are there."""
        if options.gpus:
            check_gpus(options.gpus, options.device)

    @classmethod
    def open(cls, options: ExecutorOptions) -> Executor:
        """Return a pool of workers, of which none is started yet."""
        gpus = options.gpus or (() if options.device in {"cpu", "mps"} else visible_gpus())
        return Processes(max(options.jobs, len(options.gpus)), gpus)
