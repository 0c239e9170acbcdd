"""How long the command line takes to answer."""

import subprocess
import sys

from tests.benchmarks.race import OURS


def test_help(clock):
    def run():
        return subprocess.run([sys.executable, "-m", "bench", "--help"], capture_output=True, text=True, check=True)

    assert "leaderboard" in clock("bench --help", OURS, run, rounds=5, at_most=0.5).stdout
