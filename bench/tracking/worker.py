"""The process that talks to MLflow: it reads a request from standard input and answers in one line of JSON."""

from __future__ import annotations

import json
import logging
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from bench.errors import DataError
from bench.redact import redacted

# Only for this process and its children: no telemetry, few messages, no long waits for a server that is down, and
# no imports from the folder in which the command was started.
QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_LOGGING_LEVEL": "ERROR",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "GIT_PYTHON_REFRESH": "quiet",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "PYTHONSAFEPATH": "1",
    "PYTHONWARNINGS": "ignore",
}


def quieten() -> None:
    """Prepare this process for MLflow."""
    os.environ.update(QUIET)
    warnings.simplefilter("ignore")
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.ERROR)


def main() -> int:
    """Log the requested runs; if that fails, the last line of standard error says why, without secrets."""
    request = json.load(sys.stdin)
    try:
        answer = _work(request)
    except Exception as error:  # one line for the process that waits
        said = " ".join(redacted(str(error), request["uri"]).split())[:500]
        print(said or type(error).__name__, file=sys.stderr)
        return 1
    print(json.dumps(answer))
    return 0


def _work(request: dict[str, Any]) -> dict[str, Any]:
    """Log runs; return the state of each, and what is to be said."""
    from bench.tracking.reachable import is_server, unreachable

    store, uri = Path(request["store"]), str(request["uri"])
    reason = unreachable(uri) if is_server(uri) else ""
    if reason:
        raise ConnectionError(reason)
    quieten()
    from bench.results.table import ResultsStore
    from bench.tracking.database import NAME, is_broken, set_aside
    from bench.tracking.locking import lock_of
    from bench.tracking.mlflow_log import Tracker
    from bench.tracking.observer import default_uri

    said: list[str] = []
    results = ResultsStore(store, said.append)
    try:
        tracker = Tracker(store, uri)
        aside = request.get("aside") or tracker.aside
        runs = results.runs() if aside else request["runs"]
        if aside:
            said.append(f"the tracking database was broken: it is now {aside}, and all runs were logged again")
        return {"states": _log(tracker, runs, request["models"], said.append), "said": said}
    except Exception as error:
        if request.get("aside") or uri != default_uri(store) or not is_broken(error):
            raise
        with lock_of(store, uri):
            aside = set_aside(store / NAME)
        return _again({**request, "aside": str(aside)})


def _again(request: dict[str, Any]) -> NoReturn:
    """Begin again as a new program with the same process number: MLflow keeps the files open that it once opened."""
    source, sink = os.pipe()
    os.write(sink, json.dumps({**request, "runs": []}).encode())
    os.close(sink)
    os.dup2(source, sys.stdin.fileno())
    os.execv(sys.executable, [sys.executable, "-P", "-m", "bench.tracking.worker"])


def _log(tracker: Any, runs: Sequence[str], models: bool, warn: Callable[[str], None]) -> dict[str, str]:
    states = {}
    for run in runs:
        try:
            states[run] = tracker.log(run, models=models)
        except DataError as error:  # files of one run must not keep the others from being logged
            if len(runs) == 1:
                raise
            warn(f"the run {run} cannot be logged: {error}")
    return states


if __name__ == "__main__":
    sys.exit(main())
