"""A stand-in for Slurm, and sessions whose steps are its jobs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.engine.device import Device
from bench.engine.executors import open_executor
from bench.engine.reporter import Reporter
from bench.engine.session import Session
from bench.engine.store import Store
from tests.bench.engine.executors.slurm_site import ROOT, Open, options, write_profile
from tests.fake_slurm import FakeSlurm


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeSlurm]:
    """A cluster on the path, on which a minute takes two seconds."""
    cluster = FakeSlurm.install(tmp_path / "slurm", minute=2.0, refuse="nowhere")
    monkeypatch.setenv("PATH", f"{tmp_path / 'slurm' / 'bin'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    yield cluster
    cluster.stop()


@pytest.fixture
def on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    """Opens sessions over one store, whose steps are jobs of a profile."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    opened: list[Session] = []

    def open_session(**changes: Any) -> Session:
        write_profile(tmp_path, **changes)
        executor = open_executor("slurm", options(tmp_path))
        place = Device("cpu", "CPU")
        opened.append(Session(Store(tmp_path / "store"), Reporter(quiet=True), place, "32-true", 1, executor=executor))
        return opened[-1]

    yield open_session
    for session in opened:
        session.executor.close()
