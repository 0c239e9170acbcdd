"""A suite that is killed at random moments, done by several workers, or started twice, ends in the same table."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pandas as pd
import psutil
import pytest

from bench.engine.store import DOCUMENT
from bench.results.table import ResultsStore
from tests.bench.suite.suites import write

pytestmark = pytest.mark.slow

LINES = ({"method": "copy"}, {"label": "half", "method": "copy", "set": {"method.ratio": 0.5}})
KILLS = 20
LONGEST = 4.0
"""Seconds after which a process is killed at the latest; the whole suite takes about ten."""
FAILED = (1, -signal.SIGKILL)


def start(folder: Path, store: Path, jobs: int = 2) -> subprocess.Popen[str]:
    """Start the suite in a session of its own, with its messages in a file."""
    options = ("--threads", "1", "--no-tracking", "--jobs", str(jobs), "--store", str(store))
    with (folder / "said.txt").open("a") as said:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "bench", "suite", str(write(folder, *LINES)), *options],
            stdout=said,
            stderr=said,
            text=True,
            start_new_session=True,
        )


def table(store: Path) -> pd.DataFrame:
    """Return the rows of all runs of a store except their costs."""
    results = ResultsStore(store)
    rows = pd.concat([results.rows(run) for run in sorted(results.runs())])
    return rows[rows["kind"] != "cost"].reset_index(drop=True)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """The table of the suite done by one process without a fault."""
    folder = tmp_path_factory.mktemp("whole")
    assert start(folder, folder / "store", jobs=1).wait(timeout=600) == 0, (folder / "said.txt").read_text()
    found = table(folder / "store")
    assert found["run"].nunique() == len(LINES)
    assert len(found) > 50
    return found


def spans(store: Path, own: str) -> Iterator[tuple[pd.Timestamp, pd.Timestamp]]:
    """Yield when the steps began and ended that only one run needs."""
    steps = {run: set(ResultsStore(store).document(run).steps) for run in ResultsStore(store).runs()}
    (others,) = [keys for run, keys in steps.items() if run != own]
    for key in steps[own] - others:
        (path,) = (store / "jobs").glob(f"*/{key}/{DOCUMENT}")
        document = json.loads(path.read_text())
        yield pd.Timestamp(document["started"]), pd.Timestamp(document["ended"])


def test_runs_over_one_executor_overlap_share_steps_and_give_the_same_table(
    tmp_path: Path, whole: pd.DataFrame
) -> None:
    store = tmp_path / "store"
    assert start(tmp_path, store).wait(timeout=600) == 0, (tmp_path / "said.txt").read_text()
    pd.testing.assert_frame_equal(table(store), whole, check_exact=True)
    first, second = ([*spans(store, run)] for run in ResultsStore(store).runs())
    assert min(begin for begin, _ in first) < max(end for _, end in second)
    assert min(begin for begin, _ in second) < max(end for _, end in first)
    # common steps were asked for once: each began in one run only
    said = (tmp_path / "said.txt").read_text()
    assert said.count(" | prepare: phantom, train") == 1
    assert "another process is working on it" not in said


@contextmanager
def running(folder: Path, store: Path) -> Iterator[subprocess.Popen[str]]:
    process = start(folder, store)
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def kill(process: subprocess.Popen[str], kind: str) -> bool:
    """Kill the driver or one of its workers; false if it has none or has ended."""
    if process.poll() is not None:
        return False
    victims = [process.pid] if kind == "driver" else [one.pid for one in psutil.Process(process.pid).children()]
    if not victims:
        return False
    os.kill(random.choice(victims), signal.SIGKILL)
    return True


def test_killed_at_random_moments_it_ends_in_the_same_table(tmp_path: Path, whole: pd.DataFrame) -> None:
    moments = random.Random(18)
    killed = {"driver": 0, "worker": 0}
    number, resumed = 0, 0
    began = time.monotonic()
    while sum(killed.values()) < KILLS:
        store = tmp_path / f"store {number}"
        kind = moments.choice([*killed])
        with running(tmp_path, store) as process:
            time.sleep(moments.uniform(0.5, LONGEST))
            done = kill(process, kind)
            killed[kind] += done
            code = process.wait(timeout=300)
        if done:
            assert code in (*FAILED, 0), (tmp_path / "said.txt").read_text()
            resumed += 1
        if code == 0:  # it came to its end, perhaps since the worker was idle: the next one begins again
            pd.testing.assert_frame_equal(table(store), whole, check_exact=True)
            number += 1
    store = tmp_path / f"store {number}"
    assert start(tmp_path, store).wait(timeout=300) == 0, (tmp_path / "said.txt").read_text()
    pd.testing.assert_frame_equal(table(store), whole, check_exact=True)
    assert min(killed.values()) >= KILLS // 4
    print(f"killed {killed}, {number + 1} stores, {time.monotonic() - began:.0f} s")


def test_two_suites_that_start_together_on_one_store_end_in_the_same_table(tmp_path: Path, whole: pd.DataFrame) -> None:
    store = tmp_path / "store"
    both = [start(tmp_path, store, jobs) for jobs in (1, 2)]
    codes = [process.wait(timeout=600) for process in both]
    assert codes == [0, 0], (tmp_path / "said.txt").read_text()
    pd.testing.assert_frame_equal(table(store), whole, check_exact=True)
    assert len([*(store / "progress").glob("*.json")]) == 2
