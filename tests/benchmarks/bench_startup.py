"""How long the command line takes to answer."""

import subprocess
import sys

import pytest

from tests.bench.suite.suites import write
from tests.benchmarks.race import OURS


def test_help(clock):
    def run():
        return subprocess.run([sys.executable, "-m", "bench", "--help"], capture_output=True, text=True, check=True)

    assert "leaderboard" in clock("bench --help", OURS, run, rounds=5, at_most=0.5).stdout


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The command of a suite of two runs that is finished."""
    folder = tmp_path_factory.mktemp("suite")
    path = write(folder, {"method": "copy"}, {"label": "half", "method": "copy", "set": {"method.ratio": 0.5}})
    command = [sys.executable, "-m", "bench", "suite", path, "--no-tracking", "--store", folder / "store"]
    subprocess.run(command, capture_output=True, check=True)
    return command


def test_a_finished_suite(clock, finished):
    def run():
        return subprocess.run(finished, capture_output=True, text=True, check=True)

    assert "2 runs: 2 found" in clock("bench suite, finished", OURS, run, rounds=5, at_most=3).stdout
