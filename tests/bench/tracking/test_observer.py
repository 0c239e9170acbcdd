"""The observer: it tells once, it never stops a run, and what it told can be rebuilt and seen."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import urllib.request
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psutil
import pytest

from bench.errors import BenchError, MissingError
from bench.tracking import default_uri, observer, rebuild, track
from bench.tracking.server import HOST, pages_of, started
from tests.bench.tracking.toy_store import make_store


def test_a_run_is_told_once_until_it_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, Sequence[str]]] = []

    def ask(store: Path, uri: str, runs: Sequence[str], *_: object) -> observer.Answer:
        asked.append((uri, runs))
        return observer.Answer(dict.fromkeys(runs, "logged"), [])

    monkeypatch.setattr(observer, "_ask", ask)
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


def _runs(url: str, experiment: str, deleted: str = "ACTIVE_ONLY") -> list[dict[str, Any]]:
    question = {"experiment_ids": [experiment], "max_results": 999, "run_view_type": deleted}
    found: list[dict[str, Any]] = _post(url, "runs/search", question).get("runs", [])
    return found


def _tags(one: dict[str, Any]) -> dict[str, str]:
    return {tag["key"]: tag["value"] for tag in one.get("tags", ())}


def _listening(process: int) -> set[str]:
    """The addresses on which a process and those that it started wait for connections."""
    family = [psutil.Process(process), *psutil.Process(process).children(recursive=True)]
    return {one.laddr.ip for each in family for one in each.net_connections("inet") if one.status == "LISTEN"}


def test_nothing_of_ours_listens_for_other_machines() -> None:
    assert HOST == "127.0.0.1"
    root = Path(__file__).resolve().parents[3]
    sources = [
        path
        for name in ("bench", "methods", "metrics", "downstream", "reports")
        for path in root.glob(f"{name}/**/*.py")
    ]
    assert len(sources) > 300
    binding = [
        path.name for path in sources if re.search(r"0\.0\.0\.0|\.bind\(|\blisten\(|HTTPServer", path.read_text())
    ]
    assert binding == ["server.py"]  # that of `bench ui`, which binds to HOST


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_tracked_runs_are_seen_through_the_server_and_rebuilt(tmp_path: Path) -> None:
    make_store(tmp_path)
    warnings: list[str] = []
    assert track(tmp_path, "run-1", None, warnings.append)
    assert warnings == []
    assert rebuild(tmp_path) == {"logged": 0, "kept": 1}
    make_store(tmp_path, shift=0.1)
    assert rebuild(tmp_path, models=True) == {"logged": 1, "kept": 0}
    with started(tmp_path) as (server, url):
        assert _listening(server.pid) == {"127.0.0.1"}
        (phantom,) = _post(url, "experiments/search", {"max_results": 9})["experiments"]  # and no "Default"
        assert phantom["name"] == "phantom"
        assert phantom["artifact_location"] == (tmp_path / "mlartifacts" / "phantom").as_uri()
        assert _tags(phantom)["mlflow.experimentKind"] == "custom_model_development"
        assert f"/experiments/{phantom['experiment_id']}/" in pages_of(url)["Runs"]
        with pytest.raises(MissingError, match="no tracked runs of 'other'"):
            pages_of(url, "other")
        runs = _runs(url, phantom["experiment_id"])
        assert len(runs) == 1 + 4 + 4 * 3  # a run, its arms, and their seeds
        (run,) = [one for one in runs if "mlflow.parentRunId" not in _tags(one["data"])]
        metrics = {metric["key"]: metric["value"] for metric in run["data"]["metrics"]}
        assert metrics["pq"] == pytest.approx(0.49)
        assert metrics["system/cpu_utilization_percentage"] == 52.0
        assert int(run["info"]["end_time"]) - int(run["info"]["start_time"]) == 245_000
        assert run["info"]["status"] == "FINISHED"
        inputs = [one["dataset"] for one in run["inputs"]["dataset_inputs"]]
        assert {one["name"]: one["digest"] for one in inputs}["phantom test"] == "b" * 16
        assert f"/runs/{run['info']['run_id']}/artifacts/leaderboard.html" in _tags(run["data"])["mlflow.note.content"]
        files = Path(run["info"]["artifact_uri"].removeprefix("file://"))
        made = {"leaderboard.html", "leaderboard.json", "numbers.json"}
        assert {path.name for path in files.iterdir()} == {"run-1.json", "run-1.parquet", "leaderboard.md", *made}
        (arm,) = [one for one in runs if one["info"]["run_name"] == "diffmix"]
        assert _tags(arm["data"])["mlflow.parentRunId"] == run["info"]["run_id"]
        weights = Path(arm["info"]["artifact_uri"].removeprefix("file://")) / "models/part/seed0/weights.safetensors"
        assert weights.read_bytes() == b"weights"
        with pytest.raises(BenchError, match="is not free"), started(tmp_path, int(url.rpartition(":")[2])):
            pass
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(url, timeout=5)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("served", [False, True], ids=["database", "server"])
def test_eight_runs_that_are_logged_at_once_lose_nothing(tmp_path: Path, served: bool) -> None:
    names = [f"run-{number}" for number in range(8)]
    for number, name in enumerate(names):
        make_store(tmp_path / "store", name, seeds=1, shift=0.001 * number)
    central = tmp_path / "central"
    central.mkdir()
    with ExitStack() as stack:
        # a server has a database of its own; without one, all eight processes open a database that is not there yet
        place = central if served else tmp_path / "store"
        if served:
            make_store(central, "first", seeds=1)
            rebuild(central)
        uri = stack.enter_context(started(central))[1] if served else None
        with ThreadPoolExecutor(8) as pool:
            warnings: list[str] = []
            done = list(pool.map(lambda name: track(tmp_path / "store", name, uri, warnings.append), names))
        assert (done, warnings) == ([True] * 8, [])
        # what is sent twice is there once
        assert rebuild(tmp_path / "store", uri) == {"logged": 0, "kept": 8}
        url = uri or stack.enter_context(started(place))[1]
        (phantom,) = _post(url, "experiments/search", {"max_results": 9})["experiments"]
        runs = _runs(url, phantom["experiment_id"])
        for number, name in enumerate(names):
            own = [one for one in runs if _tags(one["data"])["bench.run"] == name]
            assert {one["info"]["status"] for one in own} == {"FINISHED"}
            (top,) = [one for one in own if "mlflow.parentRunId" not in _tags(one["data"])]
            children = {_tags(one["data"]).get("mlflow.parentRunId") for one in own} - {None}
            assert (len(own), children) == (5, {top["info"]["run_id"]})
            metrics = {metric["key"]: metric["value"] for metric in top["data"]["metrics"]}
            assert metrics["pq"] == pytest.approx(0.39 + 0.001 * number)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_dead_server_and_a_moved_store_are_told_in_a_sentence(tmp_path: Path) -> None:
    make_store(tmp_path, seeds=1)
    warnings: list[str] = []
    assert not track(tmp_path, "run-1", "http://127.0.0.1:9", warnings.append)
    assert "refused" in warnings[0]
    assert "\n" not in warnings[0]
    assert rebuild(tmp_path)["logged"] == 1
    moved = tmp_path.with_name("moved")
    tmp_path.rename(moved)
    make_store(moved, seeds=1, shift=0.1)
    with pytest.raises(BenchError, match="the store was moved"):
        rebuild(moved, default_uri(moved))
