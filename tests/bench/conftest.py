"""Runs at preset `tiny` that several tests look at."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.config import RunRequest
from bench.engine.device import Device
from bench.engine.reporter import Reporter
from bench.engine.session import Session
from bench.engine.step import Finished
from bench.engine.store import Store
from bench.run.outcome import Outcome
from bench.run.pipeline import run_request
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


def finished(folder: Path, stage: str = "train") -> Finished:
    """Return a step that left `folder`, named after it."""
    folder.mkdir(parents=True, exist_ok=True)
    return Finished(key=folder.name, stage=stage, path=folder, reused=False, cost={"seconds": 1.0})


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """One finished run of DiffMix with its controls, two seeds, networks that start from a trained one."""
    return run_request(request(tmp_path_factory.mktemp("tiny") / "store", seeds=2, overrides=TRAINED))


@pytest.fixture
def session(tmp_path: Path) -> Session:
    """A silent session over a store of its own."""
    return Session(Store(tmp_path / "store"), Reporter(quiet=True), Device("cpu", "CPU"), "32-true", 1)
