"""The lease of a run's results: one process at a time looks whether they are there, and writes them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.engine.store.lease import Lease


@contextmanager
def publishing(store: Path, run: str) -> Iterator[None]:
    """Hold the lease of the results of a run; wait while another process publishes the same run.

    It is that of steps and no lock of the system, which many file systems of clusters do not have.
    """
    lease = Lease(store, f"results-{run}")
    lease.acquire()
    try:
        yield
    finally:
        lease.release()
