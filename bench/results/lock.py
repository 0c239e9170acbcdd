"""The lock of a run's results: one process at a time looks whether they are there, and writes them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock


@contextmanager
def publishing(store: Path, run: str) -> Iterator[None]:
    """Hold the lock of the results of a run; wait while another process publishes the same run."""
    folder = store / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / f"results-{run}.lock"):
        yield
