"""Executors decide where a step runs: in this process, in several, on a Slurm or on a Ray cluster."""

from bench.engine.executors.base import Executor, ExecutorOptions, ExecutorPlugin, Surroundings
from bench.engine.executors.choice import check_executor, open_executor, works_elsewhere
from bench.engine.executors.in_process import InProcess
from bench.engine.executors.processes import Processes

__all__ = [
    "Executor",
    "ExecutorOptions",
    "ExecutorPlugin",
    "InProcess",
    "Processes",
    "Surroundings",
    "check_executor",
    "open_executor",
    "works_elsewhere",
]
