"""`bench store gc` next to processes that work on the store, and what failed steps and drivers leave."""

from __future__ import annotations

import json
import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from bench.cli import app
from bench.digest import write_json
from bench.engine import failures, leftovers
from bench.engine.executors import job_files, records
from bench.engine.executors.records import Queued
from bench.engine.progress import Board
from bench.engine.step import Place
from bench.engine.store import Store, sweep
from bench.engine.store.holder import machine
from bench.engine.store.lease import Lease
from bench.engine.store.survey import live_keys, survey
from bench.run.publishing import publishing
from tests.bench.cli.typed import typed
from tests.bench.engine.toy_steps import Toy

HOUR = 3600.0


def make(seed: int = 1) -> Toy:
    return Toy(place=Place(), seed=seed)


def work(folder: Path) -> None:
    (folder / "result.txt").write_text("42")


def let_pass(path: Path, hours: float) -> None:
    """Make a file or folder older."""
    then = time.time() - HOUR * hours
    os.utime(path, (then, then))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A store with three finished steps that no run refers to and nobody has used for two hours."""
    store = Store(tmp_path)
    for seed in (1, 2, 3):
        found = store.run(make(seed), work)
        for path in (found.path, found.path / "job.json", tmp_path / "checked" / "fit" / found.key):
            let_pass(path, 2)
    return tmp_path


def collect(root: Path, days: float = 0) -> str:
    return typed(app, "store", "gc", "--store", root, "--yes", "--days", days)[0]


def left(root: Path) -> set[int]:
    return {seed for seed in (1, 2, 3) if Store(root).path(make(seed)).exists()}


def queued(root: Path, step: Toy, **changes: object) -> Path:
    record = Queued(step.key, step.stage, "", "bench-1", 0, 0, sent=time.time(), machine=machine(), pid=1)
    records.folder(root).mkdir(exist_ok=True)
    records.update(root, replace(record, **changes))
    return records.folder(root) / f"{step.key}.json"


def test_a_driver_between_two_steps_keeps_finished_steps(root: Path) -> None:
    with Board(root, "a run") as board:
        while not board.path.exists():
            time.sleep(0.01)
        collect(root)
        assert left(root) == {1, 2, 3}
    collect(root)
    assert left(root) == set()


def test_a_driver_on_a_machine_with_another_clock_keeps_finished_steps(root: Path) -> None:
    (root / "progress").mkdir()
    about = {"name": "far", "pid": 1, "host": "node7", "machine": "node7", "process": "7", "started": 0.0}
    write_json(root / "progress" / "far.json", {**about, "runs": [], "state": "running", "heartbeat": 1e9})
    collect(root)
    assert left(root) == {1, 2, 3}
    let_pass(root / "progress" / "far.json", 1)
    collect(root)
    assert left(root) == set()


def test_a_job_that_waits_keeps_finished_steps(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers: dict[str, str] = {"7_0": "pending"}
    monkeypatch.setattr(leftovers.shutil, "which", lambda name: name)
    monkeypatch.setattr("bench.engine.leftovers.OnSlurm.states", lambda self, jobs: answers)
    path = queued(root, make(9), job="7_0")
    collect(root)
    assert path.exists()
    assert left(root) == {1, 2, 3}
    answers["7_0"] = "failed"
    collect(root)
    assert not path.exists()
    assert left(root) == set()


def test_a_process_that_begins_during_the_sweep_stops_it(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def begins(root: Path, besides: str = "") -> bool:
        asked.append(len(left(root)))
        return len(asked) > 4  # once before the sweep, then before and after the first rename, and before the second

    monkeypatch.setattr(leftovers, "working", begins)
    assert "removed: 1" in collect(root)
    assert len(left(root)) == 2
    assert asked == [3, 3, 2, 2, 1, 2]
    assert all(Store(root).find(make(seed)) for seed in left(root))
    assert list((root / "leases").iterdir()) == []


def test_a_step_that_was_found_after_the_survey_stays(root: Path) -> None:
    items = [item for item in survey(root, {}) if item.kind == "finished"]
    assert Store(root).find(make(2)) is not None
    removed = {item.key: sweep.remove(root, item, lambda key: False) for item in items}
    assert [removed[make(seed).key] for seed in (1, 2, 3)] == [True, False, True]
    assert left(root) == {2}


def test_a_lease_that_was_taken_over_after_the_survey_stays(root: Path) -> None:
    dead = Lease(root, make(9).key)
    dead._holder = dead._holder._replace(pid=2**22 + 1)
    assert dead._create(0)
    items = [item for item in survey(root, {}) if item.kind == "lease"]
    successor = Lease(root, make(9).key)
    successor.acquire()
    assert [sweep.remove(root, item, lambda key: False) for item in items] == [False]
    assert live_keys(root) == {make(9).key}
    assert not Lease(root, make(9).key).acquire_now(lambda path: False)
    assert successor.confirm()
    successor.release()
    assert list((root / "leases").iterdir()) == []


def test_the_lease_of_a_publication_stays_and_locks_of_older_versions_go(root: Path) -> None:
    (root / "locks").mkdir()
    for name in ("results-a-run.lock", "tracking-all.lock"):
        (root / "locks" / name).touch()
    with publishing(root, "a-run"):
        collect(root)
        assert live_keys(root) == {"results-a-run"}
    assert [path.name for path in (root / "locks").iterdir()] == ["tracking-all.lock"]


def test_records_of_failures_stay_until_the_step_is_finished_or_they_are_old(root: Path) -> None:
    for seed in (1, 8, 9):  # the first was finished by a process of another store, whose entry was fetched
        assert failures.write(root, make(seed), ValueError("no")) is not None
    let_pass(failures.path(root, make(9).key), 24 * 8)
    with Board(root, "a run"):
        pass
    rows = json.loads(typed(app, "store", "ls", "--store", root, "--json")[0])["groups"]
    assert {row["what"]: row["count"] for row in rows} == {"finished": 3, "failure": 3, "progress": 1}
    collect(root, days=7)
    assert [failure.key for failure in failures.read_all(root)] == [make(8).key]
    assert len(list((root / "progress").iterdir())) == 1


def test_progress_and_queues_of_dead_drivers_are_swept(root: Path) -> None:
    with Board(root, "old"):
        pass
    with Board(root, "new"):
        pass
    let_pass(root / "progress" / "old.json", 24 * 8)
    about = {"name": "killed", "pid": 2**22 + 1, "host": "", "machine": machine(), "process": "7", "started": 0}
    write_json(root / "progress" / "killed.json", {**about, "runs": [], "state": "running", "heartbeat": 0})
    let_pass(root / "progress" / "killed.json", 24 * 8)
    finished = queued(root, make(1), job="7_0")
    unsent = queued(root, make(8), pid=2**22 + 1)
    waits = queued(root, make(9), job="7_1")
    for batch in ("bench-1", "bench-0"):
        job_files.folder(root, batch).mkdir(parents=True)
        let_pass(job_files.folder(root, batch), 24 * 8)
    collect(root, days=7)
    assert [path.name for path in (root / "progress").iterdir()] == ["new.json"]
    assert [finished.exists(), unsent.exists(), waits.exists()] == [False, False, True]
    assert [path.name for path in (root / "queue" / "jobs").iterdir()] == ["bench-1"]
    let_pass(waits, 24 * 8)
    collect(root, days=7)
    assert not waits.exists()
