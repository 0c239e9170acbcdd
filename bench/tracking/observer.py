"""Log runs to a tracking server from a separate process, whose errors do not stop a run."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bench.digest import write_json
from bench.errors import BenchError
from bench.extras import check_installed
from bench.results.table import ResultsStore
from bench.tracking.reading import read_record

MARKER = "tracked.json"
TIMEOUT = 600.0
"""Seconds; processes that log to one database wait for each other, so one may have to wait for many."""


def default_uri(store: Path) -> str:
    """Return the address of the store's own tracking database."""
    return f"sqlite:///{(store / 'mlflow.db').absolute()}"


def track(store: Path, run: str, uri: str | None, warn: Callable[[str], None], *, models: bool = False) -> bool:
    """Log one run to the server at `uri` (None: the store's own database); return whether it is logged.

    A run that was logged before and has not changed is not logged again. Errors are only passed to `warn`. With
    `models`, the files of trained generators and networks are logged, too.
    """
    try:
        return _track(store, run, uri, models)
    except Exception as error:  # an error in an observer must not stop the run
        warn(f"the run was not tracked, but its results are complete: {error}")
        return False


def rebuild(store: Path, uri: str | None = None, *, models: bool = False) -> dict[str, int]:
    """Log every run in the store; return how many were `logged` and how many `kept` because they had not changed.

    Raises:
        BenchError: the server cannot be reached, or it reports an error.
    """
    states = _ask(store, uri or default_uri(store), ResultsStore(store).runs(), models)
    return {state: sum(done == state for done in states.values()) for state in ("logged", "kept")}


def _track(store: Path, run: str, uri: str | None, models: bool) -> bool:
    address = uri or default_uri(store)
    logged = {"uri": address.rpartition("@")[2], "content": read_record(store, run, models=models).content}
    marker = ResultsStore(store).folder(run) / MARKER
    database_gone = uri is None and not (store / "mlflow.db").exists()
    if marker.exists() and json.loads(marker.read_text()) == logged and not database_gone:
        return True
    _ask(store, address, [run], models)
    write_json(marker, logged, shared=True)
    return True


def _ask(store: Path, uri: str, runs: Sequence[str], models: bool) -> dict[str, str]:
    """Have the worker log runs to `uri`; return what it did with each."""
    check_installed("mlflow")
    request = {"store": str(store.absolute()), "uri": uri, "runs": list(runs), "models": models}
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "bench.tracking.worker"],
            cwd=store,
            input=json.dumps(request),
            capture_output=True,
            text=True,
            timeout=TIMEOUT + 30 * len(runs),
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise _refused(uri, f"no answer within {error.timeout:.0f} s") from error
    if done.returncode != 0:
        raise _refused(uri, (done.stderr.strip().splitlines() or ["no message"])[-1])
    states: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return {str(run): str(state) for run, state in states.items()}


def _refused(uri: str, got: str) -> BenchError:
    return BenchError(
        f"Cannot log to the tracking server at {uri.rpartition('@')[2]}",
        got=got,
        fix="start the server and run `bench export mlflow`, or run with --no-tracking",
    )
