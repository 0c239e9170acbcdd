"""Starts the processes that train one network together, and ends them all if one of them ends early."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.contract import Ranks
from bench.engine.context import Run
from bench.engine.step import Step
from bench.engine.threads import environment
from bench.errors import BenchError, JobError

POLL = 0.1
# the ranks talk to each other within this machine only
LOCAL = dict.fromkeys(("GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME"), "lo0" if sys.platform == "darwin" else "lo")


def run_ranks(step: Step, folder: Path, context: Run) -> None:
    """Do a step in `step.place.devices` processes; the one of rank 0 fills the folder and shows the progress.

    Each is `python -P -m bench.engine.rank`. They end with this process, even if it is killed.

    Raises:
        BenchError: the error that a rank raised.
        JobError: a rank was killed.
    """
    with tempfile.TemporaryDirectory(prefix="bench-ranks-") as temporary:
        meeting, size = Path(temporary), step.place.devices
        processes: list[subprocess.Popen[bytes]] = []
        try:
            for rank in range(size):
                ranks = Ranks(rank, size, folder.absolute(), meeting)
                processes.append(_start(step, ranks, context))
            _wait(step, processes, meeting)
        finally:
            for process in processes:
                process.kill()
            for process in processes:
                process.wait()
                assert process.stdin is not None
                process.stdin.close()


def error_file(meeting: Path, rank: int) -> Path:
    """Return the file in which a rank leaves the pickle of its error."""
    return meeting / f"error-{rank}.pickle"


def _start(step: Step, ranks: Ranks, context: Run) -> subprocess.Popen[bytes]:
    visible = {} if step.place.device != "cuda" else {"CUDA_VISIBLE_DEVICES": _own_device(ranks.rank)}
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "bench.engine.rank"],
        stdin=subprocess.PIPE,
        env={**os.environ, **environment(step.place.threads), **LOCAL, **visible},
    )
    assert process.stdin is not None
    request: dict[str, Any] = {
        "step": step,
        "ranks": ranks,
        "workers": context.workers,
        "said": context.reporter.remote(),
    }
    try:
        process.stdin.write(pickle.dumps(request))
        process.stdin.flush()  # and stays open: its end says that this process ended
    except BaseException:
        process.kill()
        process.wait()
        raise
    return process


def _own_device(rank: int) -> str:
    given = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    return given.split(",")[rank] if given else str(rank)


def _wait(step: Step, processes: Sequence[subprocess.Popen[bytes]], meeting: Path) -> None:
    while True:
        codes = [process.poll() for process in processes]
        failed = [rank for rank, code in enumerate(codes) if code]
        if failed:
            raise _error(step, failed, [code or 0 for code in codes], meeting)
        if all(code == 0 for code in codes):
            return
        time.sleep(POLL)


def _error(step: Step, failed: Sequence[int], codes: Sequence[int], meeting: Path) -> BenchError:
    """Return the error that came first: the others only say that a connection was lost."""
    killed = [rank for rank in failed if codes[rank] < 0]
    left = [path for path in (error_file(meeting, rank) for rank in range(len(codes))) if path.exists()]
    if left and not killed:
        first = min(left, key=lambda path: path.stat().st_mtime_ns)
        error: BenchError = pickle.loads(first.read_bytes())
        return error
    rank = (killed or failed)[0]
    return JobError(
        f"Process {rank} of {len(codes)} ended while they trained together: {step.stage}: {step.title}",
        got=f"exit status {codes[rank]}" + (", perhaps for lack of memory" if codes[rank] == -9 else ""),
        fix="run the same command again: it continues from the last checkpoint; use fewer --devices if memory is short",
    )
