"""A suite of 5,000 steps that do nothing: its plan, the overhead of a step, the status, the memory of the driver."""

import json
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from bench.engine.device import Device
from bench.engine.executors import InProcess, Processes
from bench.engine.progress import Board
from bench.engine.reporter import Reporter
from bench.engine.session import Session, drive, together
from bench.engine.step import Place
from bench.engine.store import Store
from bench.suite.plan import Planning
from tests.bench.engine.toy_steps import Toy
from tests.benchmarks.race import OURS

STEPS = 5000
CASE = f"{STEPS} steps"


def steps():
    return [Toy(place=Place(), title=f"toy {n}", settings={"n": n}) for n in range(STEPS)]


def everything(session):
    drive(together(*(session.do(step) for step in steps())))
    return session


def opened(kind, store, executor, **more):
    return kind(Store(store), Reporter(quiet=True), Device("cpu", "CPU"), "32-true", 1, executor=executor, **more)


def test_the_plan(clock, tmp_path):
    def run():
        return everything(opened(Planning, tmp_path / "store", InProcess(), folder=tmp_path / "stand-ins"))

    assert len(clock(f"{CASE}, plan", OURS, run, rounds=1, at_most=5).steps) == STEPS


@pytest.mark.parametrize("jobs", [1, 2])
def test_the_overhead_of_a_step(clock, note, tmp_path, monkeypatch, jobs):
    """The board is written as in a suite, and another process asks for the status in the middle."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))  # where workers find the steps
    executor = InProcess() if jobs == 1 else Processes(jobs)
    asked = []

    def run():
        with Board(tmp_path / "store", "toys", suite=True) as board:
            session = opened(Session, tmp_path / "store", executor)
            session.progress = board.run("toys")
            asked.append(subprocess.Popen([sys.executable, "-c", ASK, str(tmp_path / "store")], stdout=subprocess.PIPE))
            return everything(session)

    before = psutil.Process().memory_info().rss
    try:
        session = clock(f"{CASE}, jobs {jobs}", OURS, run, rounds=1, at_most=0.010 * STEPS)
    finally:
        executor.close()
    grown = (psutil.Process().memory_info().rss - before) / 2**20
    said, _ = asked[0].communicate(timeout=120)
    answer = json.loads(said)
    assert len(session.finished) == STEPS
    assert 0 < answer["done"] < STEPS
    note(f"{CASE}, jobs {jobs}: bench status", answer["seconds"], "s", at_most=1)
    note(f"{CASE}, jobs {jobs}: memory of the driver", grown, "MiB", at_most=100)


ASK = """
import json, subprocess, sys, time
deadline = time.time() + 60
while time.time() < deadline:
    begin = time.time()
    asked = [sys.executable, "-m", "bench", "status", "--json", "--store", sys.argv[1]]
    said = subprocess.run(asked, capture_output=True, text=True)
    took = time.time() - begin
    found = json.loads(said.stdout)["progress"] if said.returncode == 0 else []
    done = sum(run["totals"].get("done", 0) for one in found for run in one["runs"])
    if done:
        print(json.dumps({"seconds": took, "done": done}))
        break
    time.sleep(0.2)
"""
