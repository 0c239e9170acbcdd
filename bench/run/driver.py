"""What the runs of one process share: the executor that a request chooses, finished steps, progress, and the stop."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

from bench.config import RunRequest
from bench.config.profile import read_profile
from bench.engine.device import Device, resolve_device
from bench.engine.executors import Executor, ExecutorOptions, open_executor, works_elsewhere
from bench.engine.progress import Board
from bench.engine.reporter import Reporter
from bench.engine.session import Asked
from bench.engine.stop import Parked, Stop, interrupts


@dataclass
class Driver:
    """What the runs of one process have in common: the executor, the steps that are done, the board and the stop."""

    executor: Executor
    board: Board
    stop: Stop = field(default_factory=Stop)
    asked: dict[str, Asked] = field(default_factory=dict)


@contextmanager
def opened(request: RunRequest, board: Board, reporter: Reporter) -> Iterator[Driver]:
    """Return the driver of a request, and of others with the same places, which ends everything that it started.

    Raises:
        KeyboardInterrupt: the user asked to stop and the running steps are done, or asked to stop immediately.
    """
    driver = Driver(make_executor(request), board)
    try:
        with interrupts(driver.stop, partial(reporter.say, style="yellow")), board:
            try:
                yield driver
            except Parked:
                raise KeyboardInterrupt from None
    finally:
        driver.executor.close()


def make_executor(request: RunRequest) -> Executor:
    """Return the executor that does the steps of a request, and of others with the same places; the caller closes it.

    Raises:
        BenchError: the chosen executor cannot work here.
    """
    return open_executor(request.executor, executor_options(request))


def executor_options(request: RunRequest) -> ExecutorOptions:
    """Return what a request says of its executor, for `check_executor` and `open_executor`."""
    return ExecutorOptions(
        store=request.store.absolute(),
        jobs=request.jobs,
        gpus=request.gpus,
        profile=request.profile,
        address=request.address,
        device=request.device,
        threads=request.threads,
        workers=request.workers or 0,
        read_profile=read_profile,
    )


def device_of(request: RunRequest) -> Device:
    """Return the device of a request: one of this machine, or of the nodes of a cluster.

    Raises:
        ConfigError: the chosen executor does not exist, or does not read an option that is given.
        MissingError: the device is not there.
    """
    elsewhere = works_elsewhere(request.executor, executor_options(request))
    return resolve_device(request.device, request.devices, elsewhere=elsewhere)
