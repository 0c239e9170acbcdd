"""Runs with several workers: the same table, the same errors, and a run that goes on after a worker was killed."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path

import pandas as pd
import psutil
import pytest

from bench.errors import BenchError, JobError
from bench.results.table import ResultsStore
from bench.run.outcome import Outcome
from bench.run.pipeline import run_request
from tests.bench.conftest import request


def table(outcome: Outcome) -> pd.DataFrame:
    rows = ResultsStore(outcome.store).rows(outcome.run)
    return rows[rows["kind"] != "cost"].reset_index(drop=True)


def kill_a_worker(store: Path, killed: list[int]) -> None:
    """Wait until a network is being trained, and kill the worker that trains it."""
    deadline = time.monotonic() + 600
    while time.monotonic() < deadline and not killed:
        if any((store / "jobs" / "fit").glob("*.partial/curves.jsonl")):
            workers = psutil.Process().children()
            busy = max(workers, key=lambda worker: sum(worker.cpu_times()[:2]))
            killed.append(busy.pid)
            os.kill(busy.pid, signal.SIGKILL)
        time.sleep(0.005)


@pytest.mark.slow
def test_a_killed_worker_ends_the_run_and_the_next_gives_the_same_table(tiny: Outcome, tmp_path: Path) -> None:
    store = tmp_path / "store"
    killed: list[int] = []
    killer = threading.Thread(target=kill_a_worker, args=(store, killed))
    killer.start()
    with pytest.raises(JobError) as ended:
        run_request(request(store, controls=(), jobs=2))
    killer.join()
    error = ended.value
    assert error.message.startswith("A worker process ended while it did ")
    assert error.got == "exit status -9, perhaps for lack of memory"
    assert "finished work is kept" in error.fix
    assert list((store / "jobs").glob("*/*.partial"))
    assert ResultsStore(store).runs() == ()

    two = run_request(request(store, controls=(), jobs=2))
    assert two.reused > 0
    one = run_request(request(tiny.store, controls=()))
    assert two.run == one.run
    pd.testing.assert_frame_equal(table(two), table(one), check_exact=True)


@pytest.mark.slow
def test_an_error_of_a_worker_is_that_of_one_process(tmp_path: Path) -> None:
    script = tmp_path / "generate.py"
    script.write_text("raise SystemExit(7)\n")
    command = f"method.command={sys.executable} {script} {{request}} {{out}}"
    found = []
    for jobs in (1, 2):
        asked = request(tmp_path / f"store {jobs}", method="external", controls=(), jobs=jobs, overrides=(command,))
        with pytest.raises(BenchError) as caught:
            run_request(asked)
        error = caught.value
        said = [part.replace(f"store {jobs}", "store") for part in (error.message, error.got, error.fix)]
        found.append((type(error), *said))
    assert found[0] == found[1]
    assert "7" in found[0][2]
