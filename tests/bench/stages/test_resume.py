"""A run killed at any moment ends in the same table as an uninterrupted one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from bench.results.table import ResultsStore

COMMAND = [
    *("run", "--method", "diffmix", "--dataset", "phantom", "--preset", "tiny", "--threads", "1", "--no-tracking"),
    *("--controls", "real-only", "--set", "method.training.steps=80"),
    *("--set", "max_samples=96", "--set", "budget.amount=40"),
]


def start(store: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-P", "-m", "bench", *COMMAND, "--store", str(store)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)


def finish(store: Path) -> tuple[pd.DataFrame, list[tuple[str, int, float]]]:
    """Run to the end; returns the table without costs, and every training curve."""
    assert start(store).wait(timeout=800) == 0
    results = ResultsStore(store)
    (run,) = results.runs()
    rows = results.rows(run)
    return rows[rows["kind"] != "cost"].reset_index(drop=True), list(results.curves(run))


def assert_same(store: Path, whole: tuple[pd.DataFrame, list[tuple[str, int, float]]]) -> None:
    table, curves = finish(store)
    pd.testing.assert_frame_equal(table, whole[0], check_exact=True)
    assert curves == whole[1]
    assert len(curves) > 100


def kill_when(store: Path, seen: Callable[[], bool]) -> None:
    """Start the run and kill its processes as soon as a condition holds."""
    process = start(store)
    deadline = time.monotonic() + 600
    while not seen():
        assert process.poll() is None, "the run ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.002)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def in_fit(store: Path) -> bool:
    return any((store / "jobs" / "fit").glob("*.partial/checkpoint.pt"))


def in_render(store: Path) -> bool:
    return any((store / "jobs" / "synthesize").glob("*.partial/records/*.json"))


def in_training(store: Path) -> bool:
    return any((store / "jobs" / "train").glob("*.partial/curves.jsonl"))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[pd.DataFrame, list[tuple[str, int, float]]]:
    return finish(tmp_path_factory.mktemp("whole") / "store")


@pytest.mark.slow
def test_killed_in_fit_render_and_training(tmp_path: Path, whole: tuple) -> None:
    store = tmp_path / "store"
    for seen in (in_fit, in_render, in_training):
        kill_when(store, lambda seen=seen: seen(store))
        assert list((store / "jobs").glob("*/*.partial")), "nothing was under way when the process was killed"
    assert_same(store, whole)


@pytest.mark.slow
def test_one_seed_gives_one_table(tmp_path: Path, whole: tuple) -> None:
    assert_same(tmp_path / "store", whole)
