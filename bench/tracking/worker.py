"""The process that talks to MLflow: it reads a request from standard input and answers in one line of JSON."""

from __future__ import annotations

import json
import logging
import os
import sys
import warnings
from pathlib import Path

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
    """Log the requested runs; if that fails, the last line of standard error says why."""
    request = json.load(sys.stdin)
    quieten()
    from mlflow.exceptions import MlflowException

    from bench.errors import BenchError
    from bench.tracking.mlflow_log import Tracker

    store = Path(request["store"])
    try:
        tracker = Tracker(store, request["uri"])
        states = {run: tracker.log(run, models=request["models"]) for run in request["runs"]}
    except (BenchError, MlflowException, OSError) as error:
        print(" ".join(str(error).split())[:500] or type(error).__name__, file=sys.stderr)
        return 1
    print(json.dumps(states))
    return 0


if __name__ == "__main__":
    sys.exit(main())
