"""Servers that are dead, silent or gone in the middle, full disks and broken databases: none of them stops a run."""

from __future__ import annotations

import json
import resource
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from bench.tracking import observer, rebuild, track
from bench.tracking.database import NAME, fault, is_broken
from bench.tracking.reachable import unreachable
from bench.tracking.server import started
from tests.bench.tracking.toy_store import make_store

SECRETS = ("secret", "abc", "user:")


def address(port: int) -> str:
    return f"http://user:secret@127.0.0.1:{port}/?token=abc"


@contextmanager
def silent() -> Iterator[int]:
    """Yield the port of a server that accepts connections and never answers."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(50)
        yield int(server.getsockname()[1])


@contextmanager
def failing() -> Iterator[int]:
    """Yield the port of a server that answers everything with status 500 and words that act on a terminal."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(500)
            self.end_headers()
            self.wfile.write(b"\x1b[31mno, secret")

        do_POST = do_GET  # noqa: N815  # the name that the class looks for

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def cut_off(port: int, after: int) -> Iterator[tuple[int, list[int]]]:
    """Yield the port of a way to a server that is gone after so many connections, and the list that counts them."""
    with socket.socket() as front:
        front.bind(("127.0.0.1", 0))
        front.listen(50)
        counted: list[int] = []

        def copy(source: socket.socket, target: socket.socket) -> None:
            try:
                while piece := source.recv(65536):
                    counted.append(len(piece))
                    if len(counted) > after:
                        break
                    target.sendall(piece)
            except OSError:
                pass
            for end in (source, target):
                end.close()

        def serve() -> None:
            while True:
                try:
                    inner, _ = front.accept()
                except OSError:
                    return
                if len(counted) > after:
                    inner.close()
                    continue
                outer = socket.create_connection(("127.0.0.1", port))
                for pair in ((inner, outer), (outer, inner)):
                    threading.Thread(target=copy, args=pair, daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        yield int(front.getsockname()[1]), counted


def test_a_dead_and_a_silent_server_are_known_in_seconds() -> None:
    assert unreachable(address(9)) == "Connection refused"
    assert unreachable("postgresql://user:secret@127.0.0.1:9/db") == "Connection refused"
    with silent() as port:
        begun = time.monotonic()
        assert "no answer within 0.5 s" in unreachable(address(port), 0.5)
        assert time.monotonic() - begun < 3
        assert unreachable(f"postgresql://127.0.0.1:{port}/db", 0.5) == ""  # it accepts, which is all that can be known
    with failing() as port:
        assert unreachable(address(port)) == ""  # it answers: what it says is for MLflow
    assert unreachable("databricks") == ""


def test_a_database_that_is_not_whole_is_recognised(tmp_path: Path) -> None:
    path = tmp_path / NAME
    path.write_bytes(b"this is no database" * 100)
    assert "not a database" in fault(path)
    path.unlink()
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE experiments (name)")
    assert fault(path) == "not all of its tables were made"
    assert is_broken(OSError("table experiments already exists"))
    assert not is_broken(OSError("database is locked"))
    assert not is_broken(OSError("database or disk is full"))


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("server", [silent, failing])
def test_the_end_of_a_run_waits_half_a_minute_at_most(
    tmp_path: Path, server: Any, capfd: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(observer, "DEADLINE", 8.0)
    make_store(tmp_path, seeds=1)
    warnings: list[str] = []
    with server() as port:
        begun = time.monotonic()
        assert not track(tmp_path, "run-1", address(port), warnings.append)
        assert time.monotonic() - begun < 20
    (said,) = warnings
    assert "results are complete" in said
    assert f"http://127.0.0.1:{port}/" in said
    shown = said + "".join(capfd.readouterr())
    assert not any(secret in shown for secret in SECRETS)
    assert "\x1b" not in shown


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_server_that_is_gone_in_the_middle_has_the_same_runs_after_an_export(tmp_path: Path) -> None:
    make_store(tmp_path / "central", "first", seeds=1)
    make_store(tmp_path / "store", seeds=1)
    rebuild(tmp_path / "central")
    with started(tmp_path / "central") as (_, url):
        warnings: list[str] = []
        port = int(url.rpartition(":")[2])
        with cut_off(port, after=40) as (front, counted):
            assert not track(tmp_path / "store", "run-1", f"http://user:secret@127.0.0.1:{front}", warnings.append)
            assert len(counted) > 40
        assert not any(secret in warnings[0] for secret in SECRETS)
        unfinished = [run for run in _runs(url, "run-1") if run["info"]["status"] != "FINISHED"]
        assert unfinished  # it was really in the middle
        assert rebuild(tmp_path / "store", url) == {"logged": 1, "kept": 0}
        found, whole = _runs(url, "run-1"), _runs(url, "first")
        assert {run["info"]["status"] for run in found} == {"FINISHED"}
        assert sorted(map(_content, found)) == sorted(map(_content, whole))


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_full_disk_leaves_no_half_database_and_a_broken_one_is_set_aside(tmp_path: Path) -> None:
    make_store(tmp_path, seeds=1)
    make_store(tmp_path, "run-2", seeds=1, shift=0.1)
    request = {"store": str(tmp_path), "uri": observer.default_uri(tmp_path), "runs": ["run-1"], "models": False}
    full = subprocess.run(
        [sys.executable, "-P", "-m", "bench.tracking.worker"],
        input=json.dumps(request),
        capture_output=True,
        text=True,
        check=False,
        # no file may be larger than 64 KiB, as if the disk were full; the tables of MLflow need more
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2**16, 2**16)),
    )
    assert full.returncode == 1
    assert [path.name for path in tmp_path.glob("*mlflow.db*") if path.suffix != ".lock"] == []
    said: list[str] = []
    assert rebuild(tmp_path, warn=said.append) == {"logged": 2, "kept": 0}
    assert said == []
    path = tmp_path / NAME
    with closing(sqlite3.connect(path)) as database, database:  # as after a migration that was cut off
        database.execute("UPDATE alembic_version SET version_num = 'cut off'")
    assert track(tmp_path, "run-1", None, said.append)
    (aside,) = [one for one in tmp_path.glob("mlflow.db.broken-*") if one.suffix != ".lock"]
    assert str(aside) in said[0]
    assert rebuild(tmp_path) == {"logged": 0, "kept": 2}  # the other run, too, was logged again
    path.write_bytes(path.read_bytes()[:5000])
    assert track(tmp_path, "run-1", None, said.append)
    assert len(list(tmp_path.glob("mlflow.db.broken-*"))) == 2
    assert rebuild(tmp_path) == {"logged": 0, "kept": 2}


def _post(url: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
    request = urllib.request.Request(
        f"{url}/api/2.0/mlflow/{path}", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        found: dict[str, Any] = json.load(answer)
    return found


def _runs(url: str, name: str) -> list[dict[str, Any]]:
    (phantom,) = _post(url, "experiments/search", {"max_results": 9})["experiments"]
    question = {"experiment_ids": [phantom["experiment_id"]], "filter": f"tags.`bench.run` = '{name}'"}
    found: list[dict[str, Any]] = _post(url, "runs/search", {**question, "max_results": 999}).get("runs", [])
    return found


def _content(run: dict[str, Any]) -> tuple[str, list[tuple[str, float]], list[str]]:
    data = run["data"]
    numbers = sorted((one["key"], one["value"]) for one in data.get("metrics", ()))
    return run["info"]["run_name"], numbers, sorted(one["key"] for one in data.get("tags", ()))
