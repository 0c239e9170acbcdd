"""A run gives the same table whichever executor does its steps."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from bench.results.table import ResultsStore
from bench.run.outcome import Outcome
from bench.run.pipeline import run_request
from tests.bench.conftest import request
from tests.fake_slurm import FakeSlurm

ROOT = Path(__file__).resolve().parents[3]
# a generator without a network and its scores: prepare, synthesize, features, distances, leaks
SMALL: dict[str, Any] = {"method": "classic", "controls": (), "overrides": ("evaluations=[distances]",)}


def table(outcome: Outcome) -> pd.DataFrame:
    rows = ResultsStore(outcome.store).rows(outcome.run)
    return rows[rows["kind"] != "cost"].reset_index(drop=True)


@pytest.mark.slow
def test_the_table_of_slurm_and_of_ray_is_that_of_this_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    here = run_request(request(tmp_path / "here", **SMALL))
    cluster = FakeSlurm.install(tmp_path / "slurm", slots=2)
    monkeypatch.setenv("PATH", f"{tmp_path / 'slurm' / 'bin'}{os.pathsep}{os.environ['PATH']}")
    profile = tmp_path / "site.yaml"
    profile.write_text(json.dumps({"poll_seconds": 1, "lag_seconds": 5}))
    try:
        jobs = run_request(request(tmp_path / "jobs", executor="slurm", profile=str(profile), **SMALL))
    finally:
        cluster.stop()
    assert len(cluster.tasks()) == jobs.steps
    assert not list((tmp_path / "jobs" / "queue").rglob("*.*"))
    tasks = run_request(request(tmp_path / "tasks", executor="ray", jobs=2, **SMALL))
    for other in (jobs, tasks):
        assert (other.run, other.steps, other.reused) == (here.run, here.steps, 0)
        pd.testing.assert_frame_equal(table(other), table(here), check_exact=True)
