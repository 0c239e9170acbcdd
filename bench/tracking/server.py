"""MLflow's own web page on a store's tracking database."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from bench.errors import BenchError, MissingError
from bench.extras import check_installed
from bench.tracking.observer import default_uri
from bench.tracking.views import COMPARE, RUNS, TAG, address

HOST = "127.0.0.1"
START_SECONDS = 180.0


def serve(store: Path, port: int, *, browser: bool, dataset: str | None = None) -> int:
    """Show the store's runs until interrupted; return the server's exit status.

    Args:
        store: the store.
        port: port of this machine, or 0 for any free one.
        browser: whether to open a browser.
        dataset: whose experiment to open; by default that of the latest run.
    """
    # SIGTERM ends it as Ctrl-C does: the server must not outlive this process
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with started(store, port) as (process, url):
        pages = pages_of(url, dataset)
        for title, page in pages.items():
            print(f"{title}: {page}", file=sys.stderr)
        print("Press Ctrl-C to stop.", file=sys.stderr, flush=True)
        if browser:
            webbrowser.open(next(iter(pages.values())))
        try:
            return process.wait()
        except KeyboardInterrupt:
            return 0


@contextmanager
def started(store: Path, port: int = 0) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Start the server on `port` (0: any free one) and yield it with its address once it answers; then stop it.

    Raises:
        MissingError: the store has no tracked runs, or MLflow is not installed.
        BenchError: the port is in use, or the server ends before it answers.
    """
    if not (store / "mlflow.db").exists():
        raise MissingError(
            f"There are no tracked runs in {store}",
            got="no mlflow.db",
            fix="run `bench run`, or rebuild it from results with `bench export mlflow`",
        )
    check_installed("mlflow")
    port = _free_port(port)
    command = [sys.executable, "-P", "-m", "bench.tracking.server", default_uri(store), str(port)]
    # a new session, because the server starts workers that must end with it
    process = subprocess.Popen(command, cwd=store, start_new_session=True)
    url = f"http://{HOST}:{port}"
    try:
        _wait(process, f"{url}/health")
        yield process, url
    finally:
        _stop(process)


def pages_of(url: str, dataset: str | None = None) -> dict[str, str]:
    """Return the addresses of the lists of runs and of their comparison, in the experiment that changed last.

    Raises:
        MissingError: no run of the dataset is tracked.
    """
    question = {"max_results": 1000, "order_by": ["last_update_time DESC"]}
    found: list[dict[str, Any]] = _ask(f"{url}/api/2.0/mlflow/experiments/search", question).get("experiments", [])
    views = {one["name"]: one for one in found if f"{TAG}{RUNS}" in {tag["key"] for tag in one.get("tags", ())}}
    if dataset is not None and dataset not in views:
        names = ", ".join(views) or "none"
        raise MissingError(
            f"There are no tracked runs of {dataset!r}", got=f"runs of {names}", fix="run `bench export mlflow`"
        )
    chosen = views.get(dataset or next(iter(views), ""))
    if chosen is None:  # an older version logged all of them
        return {"MLflow": url}
    experiment = str(chosen["experiment_id"])
    return {"Runs": address(url, experiment, RUNS), "Comparison": address(url, experiment, COMPARE)}


def _ask(url: str, question: dict[str, Any]) -> dict[str, Any]:
    request = urllib.request.Request(url, json.dumps(question).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        found: dict[str, Any] = json.load(answer)
    return found


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Stop the server and its workers: with SIGTERM, then with SIGKILL if they have not ended."""
    for demand in (signal.SIGTERM, signal.SIGKILL):
        # the session ends with its last process
        with suppress(ProcessLookupError):
            os.killpg(process.pid, demand)
        with suppress(subprocess.TimeoutExpired):
            process.wait(15)


def _free_port(port: int) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise BenchError(
                f"Port {port} is not free",
                got=str(error),
                fix="choose another port with --port, or any free one with --port 0",
            ) from error
        return int(probe.getsockname()[1])


def _wait(process: subprocess.Popen[bytes], url: str) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        if process.poll() is not None:
            raise BenchError("MLflow's server did not start", got=f"it ended with status {process.returncode}")
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.2)
    raise BenchError("MLflow's server did not answer", got=f"no answer within {START_SECONDS:.0f} s at {url}")


def main(uri: str, port: str) -> None:
    """Run MLflow's server in this process."""
    from bench.tracking.worker import quieten

    quieten()
    from mlflow.cli import cli

    options = [
        "--backend-store-uri",
        uri,
        "--registry-store-uri",
        uri,
        "--host",
        HOST,
        "--port",
        port,
        "--workers",
        "1",
        "--app-name",
        "bench",
    ]
    cli(["server", *options, "--uvicorn-opts", "--log-level warning"], prog_name="mlflow")


if __name__ == "__main__":
    main(*sys.argv[1:])
