"""Tell a tracking server of runs, from a process of its own: what goes wrong there stops nothing here."""

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
from bench.tracking.record import read_record

MARKER = "tracked.json"
TIMEOUT = 180.0


def default_uri(store: Path) -> str:
    """Return the address of the store's own tracking database."""
    return f"sqlite:///{(store / 'mlflow.db').absolute()}"


def track(store: Path, run: str, uri: str | None, warn: Callable[[str], None]) -> bool:
    """Tell the server at `uri` (None: the store's own database) of one run; say whether it knows now.

    A run told before, and unchanged, is not told again. Any failure goes to `warn` and ends there.
    """
    try:
        return _track(store, run, uri)
    except Exception as error:  # whatever fails in an observer, the run it observes goes on
        warn(f"the run was not tracked, its results are complete: {error}")
        return False


def rebuild(store: Path, uri: str | None = None) -> dict[str, int]:
    """Tell the server of every run in the store; returns how many were `logged` and how many `kept` as they were.

    Raises:
        BenchError: the server cannot be reached, or refuses.
    """
    states = _ask(store, uri or default_uri(store), ResultsStore(store).runs())
    return {state: sum(told == state for told in states.values()) for state in ("logged", "kept")}


def _track(store: Path, run: str, uri: str | None) -> bool:
    address = uri or default_uri(store)
    told = {"uri": address.rpartition("@")[2], "content": read_record(store, run).content}
    marker = ResultsStore(store).folder(run) / MARKER
    database_gone = uri is None and not (store / "mlflow.db").exists()
    if marker.exists() and json.loads(marker.read_text()) == told and not database_gone:
        return True
    _ask(store, address, [run])
    write_json(marker, told)
    return True


def _ask(store: Path, uri: str, runs: Sequence[str]) -> dict[str, str]:
    """Have the worker tell `uri` of runs; returns what it did with each."""
    check_installed("mlflow")
    request = {"store": str(store.absolute()), "uri": uri, "runs": list(runs)}
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "bench.tracking.worker"],
            cwd=store,
            input=json.dumps(request),
            capture_output=True,
            text=True,
            timeout=TIMEOUT + 10 * len(runs),
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
        f"expected a tracking server at {uri.rpartition('@')[2]}",
        got=got,
        fix="mend it and run `bench export mlflow`, or run with --no-tracking",
    )
