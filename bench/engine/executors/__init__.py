"""Executors decide where a step runs: in this process or in several."""

from bench.engine.executors.base import Executor, Surroundings
from bench.engine.executors.in_process import InProcess
from bench.engine.executors.processes import Processes

__all__ = ["Executor", "InProcess", "Processes", "Surroundings"]
