"""A site whose cluster is a stand-in: its profile, steps for it, and what jobs leave behind."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bench.config.profile import read_profile
from bench.engine.executors import ExecutorOptions
from bench.engine.session import Session
from tests.bench.engine.toy_steps import Toy
from tests.fake_slurm import FakeSlurm

ROOT = Path(__file__).parents[4]
FAST: dict[str, Any] = {"collect_seconds": 0.2, "poll_seconds": 0.2, "lag_seconds": 0.5, "signal_seconds": 2}
Open = Callable[..., Session]


def write_profile(folder: Path, **changes: Any) -> Path:
    path = folder / "site.yaml"
    path.write_text(json.dumps({**FAST, **changes}))  # YAML contains JSON
    return path


def options(folder: Path) -> ExecutorOptions:
    store, profile = folder / "store", str(folder / "site.yaml")
    return ExecutorOptions(store=store, profile=profile, read_profile=read_profile)


def toy(session: Session, kind: type[Toy], number: int = 0, **settings: Any) -> Toy:
    about = {"kind": kind.__name__, **settings}
    return kind(place=session.numeric, title=f"toy {number}", settings=about, seed=number)


def text(session: Session, step: Toy) -> str:
    return (session.store.path(step) / "result.txt").read_text()


def left(store: Path) -> list[str]:
    """Return what jobs left in the queue's folder."""
    return sorted(str(path.relative_to(store)) for path in (store / "queue").rglob("*") if path.is_file())


def until(condition: Callable[[], Any], seconds: float = 30.0) -> Any:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError("it did not happen in time")


def running(slurm: FakeSlurm) -> Iterator[str]:
    return (job for job, task in slurm.tasks().items() if task["state"] == "RUNNING")
