"""Log runs to a tracking server from a separate process, whose errors and delays do not stop a run."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from bench.digest import write_json
from bench.errors import BenchError
from bench.extras import check_installed
from bench.harmless import harmless
from bench.redact import address, redacted
from bench.results.table import ResultsStore
from bench.tracking.database import NAME, fault
from bench.tracking.reachable import is_server
from bench.tracking.reading import read_record

MARKER = "tracked.json"
DEADLINE = 30.0
"""Seconds that the end of a run may wait for a server. `bench export mlflow` sends later what it did not take."""
TIMEOUT = 600.0
"""Seconds for a database file: processes that log to it wait for each other, so one may have to wait for many."""


class Answer(NamedTuple):
    """What was done with each run, and what is to be said about it."""

    states: dict[str, str]
    said: list[str]


def default_uri(store: Path) -> str:
    """Return the address of the store's own tracking database."""
    return f"sqlite:///{(store / NAME).absolute()}"


def track(store: Path, run: str, uri: str | None, warn: Callable[[str], None], *, models: bool = False) -> bool:
    """Log one run to the server at `uri` (None: the store's own database); return whether it is logged.

    A run that was logged before and has not changed is not logged again. Errors are only passed to `warn`, and a
    server has `DEADLINE` seconds in all. With `models`, the files of trained generators and networks are logged, too.
    """
    try:
        return _track(store, run, uri, models, warn)
    except Exception as error:  # an error in an observer must not stop the run
        warn(redacted(f"the run was not tracked, but its results are complete: {error}", uri))
        return False


def rebuild(
    store: Path, uri: str | None = None, *, models: bool = False, warn: Callable[[str], None] = lambda text: None
) -> dict[str, int]:
    """Log every run in the store; return how many were `logged` and how many `kept` because they had not changed.

    Args:
        store: the store.
        uri: the server or database (None: the store's own).
        models: log the files of trained generators and networks, too.
        warn: receives what is to be said, such as the name of a broken database that was set aside.

    Raises:
        BenchError: the server cannot be reached, or it reports an error.
    """
    states, said = _ask(store, uri or default_uri(store), ResultsStore(store, warn).runs(), models)
    for text in said:
        warn(text)
    return {state: sum(done == state for done in states.values()) for state in ("logged", "kept")}


def _track(store: Path, run: str, uri: str | None, models: bool, warn: Callable[[str], None]) -> bool:
    begun, place = time.monotonic(), uri or default_uri(store)
    logged = {"uri": address(place), "content": read_record(store, run, models=models).content}
    marker = ResultsStore(store).folder(run) / MARKER
    database = store / NAME
    if (
        marker.exists()
        and _noted(marker) == logged
        and (uri is not None or (database.exists() and not fault(database)))
    ):
        return True
    left = DEADLINE - (time.monotonic() - begun) if is_server(place) else TIMEOUT
    answer = _ask(store, place, [run], models, max(1.0, left))
    for text in answer.said:
        warn(text)
    write_json(marker, logged, shared=True)
    return True


def _noted(marker: Path) -> object:
    try:
        return json.loads(marker.read_text(encoding="utf-8"))
    except ValueError:  # it was cut off
        return None


def _ask(store: Path, uri: str, runs: Sequence[str], models: bool, seconds: float | None = None) -> Answer:
    """Have the worker log runs to `uri` within some time; return what it did with each."""
    check_installed("mlflow")
    request = {"store": str(store.absolute()), "uri": uri, "runs": list(runs), "models": models}
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "bench.tracking.worker"],
            cwd=store,
            input=json.dumps(request),
            capture_output=True,
            text=True,
            errors="replace",
            timeout=TIMEOUT + 30 * len(runs) if seconds is None else seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise _refused(uri, f"it did not take the run within {error.timeout:.0f} s") from error
    if done.returncode != 0:
        raise _refused(uri, (done.stderr.strip().splitlines() or ["no message"])[-1])
    found = json.loads(done.stdout.strip().splitlines()[-1])
    return Answer(
        {str(run): str(state) for run, state in found["states"].items()}, [str(text) for text in found["said"]]
    )


def _refused(uri: str, got: str) -> BenchError:
    return BenchError(
        f"Cannot log to the tracking server at {address(uri)}",
        got=harmless(redacted(got, uri), lines=False),
        fix="start the server and run `bench export mlflow`, or run with --no-tracking",
    )
