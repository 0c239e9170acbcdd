"""The observer: it tells once, it never stops a run, and what it told can be rebuilt and seen."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from bench.errors import BenchError, MissingError
from bench.results.document import RunDocument
from bench.results.table import ResultsStore
from bench.tracking import default_uri, observer, rebuild, track
from bench.tracking.server import started
from tests import toy_results

DOCUMENT = RunDocument(dataset="phantom", method="diffmix", preset="smoke", created="2026-01-02T03:04:05+00:00")


def make_store(folder: Path, **changes: Any) -> ResultsStore:
    store = ResultsStore(folder)
    store.write("run-1", toy_results.rows(**changes), DOCUMENT)
    line = json.dumps({"name": "loss", "step": 3, "value": 0.5})
    (store.folder("run-1") / "curves.jsonl").write_text(line + "\n")
    (store.folder("run-1") / "leaderboard.md").write_text("# table")
    return store


def test_a_run_is_told_once_until_it_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, Sequence[str]]] = []
    monkeypatch.setattr(observer, "_ask", lambda store, uri, runs: asked.append((uri, runs)))
    store = make_store(tmp_path)
    warnings: list[str] = []
    for _ in range(2):
        assert track(tmp_path, "run-1", "http://name:secret@host:1", warnings.append)
    assert asked == [("http://name:secret@host:1", ["run-1"])]
    assert "secret" not in (store.folder("run-1") / observer.MARKER).read_text()
    assert track(tmp_path, "run-1", "http://other:1", warnings.append)
    make_store(tmp_path, shift=0.1)
    assert track(tmp_path, "run-1", "http://other:1", warnings.append)
    assert len(asked) == 3
    # the store's own database was removed: it is told again
    for _ in range(2):
        track(tmp_path, "run-1", None, warnings.append)
    assert len(asked) == 5
    assert warnings == []


def test_failures_warn_and_stop_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_store(tmp_path)
    warnings: list[str] = []

    def refuse(*_: object) -> None:
        raise BenchError("expected a server", got="none")

    monkeypatch.setattr(observer, "_ask", refuse)
    assert not track(tmp_path, "run-1", "http://host:1", warnings.append)
    assert not track(tmp_path, "no-such-run", None, warnings.append)
    assert len(warnings) == 2
    assert "results are complete" in warnings[0]
    with pytest.raises(BenchError, match="expected a server"):
        rebuild(tmp_path, "http://host:1")


def test_importing_the_observer_does_not_import_mlflow() -> None:
    code = "import sys, bench.tracking, bench.tracking.server; print('mlflow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_store_without_tracked_runs_has_no_page(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match=r"mlflow\.db"), started(tmp_path):
        pass


def _post(url: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
    request = urllib.request.Request(
        f"{url}/api/2.0/mlflow/{path}", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        found: dict[str, Any] = json.load(answer)
    return found


@pytest.mark.slow
def test_tracked_runs_are_seen_through_the_server_and_rebuilt(tmp_path: Path) -> None:
    make_store(tmp_path)
    warnings: list[str] = []
    assert track(tmp_path, "run-1", None, warnings.append)
    assert warnings == []
    assert rebuild(tmp_path) == {"logged": 0, "kept": 1}
    make_store(tmp_path, shift=0.1)
    assert rebuild(tmp_path) == {"logged": 1, "kept": 0}
    with started(tmp_path) as (_, url):
        experiments = _post(url, "experiments/search", {"max_results": 9})["experiments"]
        (phantom,) = [found for found in experiments if found["name"] == "phantom"]
        assert phantom["artifact_location"] == (tmp_path / "mlartifacts" / "phantom").as_uri()
        (run,) = _post(url, "runs/search", {"experiment_ids": [phantom["experiment_id"]]})["runs"]
        metrics = {metric["key"]: metric["value"] for metric in run["data"]["metrics"]}
        assert metrics["pq/image"] == pytest.approx(0.49)
        assert metrics["curve/loss"] == 0.5
        assert {tag["key"]: tag["value"] for tag in run["data"]["tags"]}["bench.run"] == "run-1"
        assert run["info"]["status"] == "FINISHED"
        files = Path(run["info"]["artifact_uri"].removeprefix("file://"))
        assert {path.name for path in files.iterdir()} == {"run-1.json", "run-1.parquet", "leaderboard.md"}
        with pytest.raises(BenchError, match="is not free"), started(tmp_path, int(url.rpartition(":")[2])):
            pass
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(url, timeout=5)


@pytest.mark.slow
def test_a_dead_server_and_a_moved_store_are_told_in_a_sentence(tmp_path: Path) -> None:
    make_store(tmp_path)
    warnings: list[str] = []
    assert not track(tmp_path, "run-1", "http://127.0.0.1:9", warnings.append)
    assert "refused" in warnings[0]
    assert "\n" not in warnings[0]
    assert rebuild(tmp_path)["logged"] == 1
    moved = tmp_path.with_name("moved")
    tmp_path.rename(moved)
    make_store(moved, shift=0.1)
    with pytest.raises(BenchError, match="the store was moved"):
        rebuild(moved, default_uri(moved))
