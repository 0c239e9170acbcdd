"""Ctrl-C once, twice, and SIGTERM, during a run and a suite of fake steps: what ends, what is kept, and the code."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.bench.suite.suites import write
from tests.test_import_rules import ROOT

STOPPING = "stopping after the running steps; press Ctrl-C again to stop now"
CONTINUES = "interrupted; the same command goes on from here"
RUN = ("run", "--method", "copy", "--dataset", "phantom", "--preset", "tiny", "--controls", "real-only")


def start(store: Path, jobs: int, *command: str, seconds: float = 1.0, **more: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "FAKE_SECONDS": str(seconds), **more}
    options = ("--threads", "1", "--no-tracking", "--jobs", str(jobs), "--store", str(store))
    return subprocess.Popen(
        [sys.executable, "-m", "tests.bench.cli.fake_cli", *(command or RUN), *options],
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def begun(store: Path) -> list[Path]:
    return [*(store / "jobs" / "fit").glob("*.partial/begun.txt")]


def finished(store: Path) -> list[Path]:
    return [*(store / "jobs" / "fit").glob("*/result.txt")]


def wait_for(what: Callable[[], object], process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 120
    while not what():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)


def end(process: subprocess.Popen[str]) -> tuple[int, str]:
    _, said = process.communicate(timeout=120)
    return process.returncode, said


def assert_no_children(children: list[psutil.Process]) -> None:
    _, left = psutil.wait_procs(children, timeout=10)
    assert left == []


@pytest.mark.slow
@pytest.mark.parametrize("jobs", [1, 2])
def test_ctrl_c_once_ends_after_the_running_steps(tmp_path: Path, jobs: int) -> None:
    process = start(tmp_path, jobs)
    wait_for(lambda: len(begun(tmp_path)) == jobs, process)
    children = psutil.Process(process.pid).children(recursive=True)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    code, said = end(process)
    assert code == 130
    assert STOPPING in said
    assert said.rstrip().endswith(CONTINUES)
    assert "Traceback" not in said
    assert len(finished(tmp_path)) == jobs
    assert begun(tmp_path) == []
    assert_no_children(children)
    (log,) = (tmp_path / "logs").iterdir()
    assert log.read_text(encoding="utf-8").rstrip().endswith("interrupted")
    (document,) = (tmp_path / "progress").glob("*.json")
    assert json.loads(document.read_text(encoding="utf-8"))["state"] == "stopped"

    again = start(tmp_path, jobs, seconds=1.0)
    wait_for(lambda: len(finished(tmp_path)) > jobs, again)
    code, said = end(again)
    assert code == 0, said
    assert len(finished(tmp_path)) == 6


@pytest.mark.slow
def test_ctrl_c_awaits_jobs_on_this_machine_that_the_terminal_would_interrupt(tmp_path: Path) -> None:
    profile, store = tmp_path / "here.yaml", tmp_path / "store"
    profile.write_text("{cluster: local, poll_seconds: 1}\n")
    process = start(store, 1, *RUN, "--executor", "slurm", "--profile", str(profile), seconds=2)
    wait_for(lambda: len(begun(store)) == 2, process)
    os.killpg(process.pid, signal.SIGINT)  # also to the jobs
    code, said = end(process)
    assert code == 130
    assert STOPPING in said
    assert len(finished(store)) == 2
    assert not (store / "failures").exists()


@pytest.mark.slow
@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("signals", [(signal.SIGINT, signal.SIGINT), (signal.SIGTERM,)])
def test_ctrl_c_twice_or_a_request_to_end_stops_immediately(
    tmp_path: Path, jobs: int, signals: tuple[signal.Signals, ...]
) -> None:
    process = start(tmp_path, jobs, seconds=60)
    wait_for(lambda: len(begun(tmp_path)) == jobs, process)
    children = psutil.Process(process.pid).children(recursive=True)
    assert len(children) == (0 if jobs == 1 else jobs)
    sent = time.monotonic()
    for one in signals:
        process.send_signal(one)
        time.sleep(0.5)
    code, said = end(process)
    assert time.monotonic() - sent < 20
    assert code == 130
    assert said.rstrip().endswith(CONTINUES)
    assert (STOPPING in said) is (len(signals) == 2)
    assert "Traceback" not in said
    assert finished(tmp_path) == []
    assert_no_children(children)


@pytest.mark.slow
@pytest.mark.parametrize("jobs", [1, 2])
def test_ctrl_c_ends_a_suite_after_the_running_steps(tmp_path: Path, jobs: int) -> None:
    path = write(tmp_path, {"method": "copy"}, {"method": "noise"}, {"method": "real-only"})
    store = tmp_path / "store"
    process = start(store, jobs, "suite", str(path))
    wait_for(lambda: len(begun(store)) == jobs, process)
    os.killpg(process.pid, signal.SIGINT)
    code, said = end(process)
    assert code == 130
    assert STOPPING in said
    assert said.rstrip().endswith(CONTINUES)
    assert len(finished(store)) == jobs
    assert begun(store) == []


@pytest.mark.slow
@pytest.mark.parametrize("jobs", [1, 2])
def test_failed_steps_are_listed_and_the_rest_is_done(tmp_path: Path, jobs: int) -> None:
    path = write(tmp_path, {"method": "copy"}, {"method": "noise"})
    store = tmp_path / "store"
    code, said = end(start(store, jobs, "suite", str(path), seconds=0, FAKE_FAILURES="a1 b2"))
    assert code == 1
    # of each run: a0, b0 and b1; a2 needs a1
    assert len(finished(store)) == 6
    for name in ("copy", "noise"):
        assert f"fit: {name} a1: ZeroDivisionError: by nothing" in said
        assert f"fit: {name} b2: ZeroDivisionError: by nothing" in said
        assert f"{name} a2" not in said
    assert said.count("2 steps failed; everything that does not depend on them is done") == 2
    code, said = end(start(store, jobs, *RUN, seconds=0, FAKE_FAILURES="b2"))
    assert code == 1
    assert "steps failed" not in said
    assert "by nothing" in said
    assert "step:  fit: copy b2 (see " in said
    code, said = end(start(store, jobs, "suite", str(path), seconds=0))
    assert code == 0, said
    assert len(finished(store)) == 12
