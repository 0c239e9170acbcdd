"""Runs at preset `tiny` that several tests look at."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.config import RunRequest
from bench.jobs import JobStore
from bench.runtime import Device, Reporter
from bench.stages.pipeline import run_request
from bench.stages.session import Session
from bench.stages.work import Outcome
from tests.golden.runs import TRAINED


def request(store: Path, **changes: object) -> RunRequest:
    """Ask for a tiny run on one thread, untracked."""
    fields = {
        "method": "diffmix",
        "dataset": "phantom",
        "preset": "tiny",
        "threads": 1,
        "tracking": False,
        "store": store,
        **changes,
    }
    return RunRequest.model_validate(fields)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """One finished run of DiffMix with its controls, two seeds, networks that start from a trained one."""
    return run_request(request(tmp_path_factory.mktemp("tiny") / "store", seeds=2, overrides=TRAINED))


@pytest.fixture
def session(tmp_path: Path) -> Session:
    """A silent session over a store of its own."""
    return Session(JobStore(tmp_path / "store"), Reporter(quiet=True), Device("cpu", "CPU"), "32-true", 1, 0)
