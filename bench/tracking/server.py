"""MLflow's own web page on a store's tracking database."""

from __future__ import annotations

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

from bench.errors import BenchError, MissingError
from bench.extras import check_installed
from bench.tracking.observer import default_uri

HOST = "127.0.0.1"
START_SECONDS = 180.0


def serve(store: Path, port: int, *, browser: bool) -> int:
    """Show the store's runs until interrupted; return the server's exit status."""
    # SIGTERM ends it as Ctrl-C does: the server must not outlive this process
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with started(store, port) as (process, url):
        print(f"{url} (press Ctrl-C to stop)", file=sys.stderr)
        if browser:
            webbrowser.open(url)
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
    ]
    cli(["server", *options, "--uvicorn-opts", "--log-level warning"], prog_name="mlflow")


if __name__ == "__main__":
    main(*sys.argv[1:])
