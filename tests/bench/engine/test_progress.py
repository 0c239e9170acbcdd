"""The progress document: counts, few names, whether its process is alive, and that nothing depends on it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from asyncio import CancelledError
from pathlib import Path
from typing import Any

import pytest

from bench.digest import write_json
from bench.engine import progress_file
from bench.engine.overall import Overall
from bench.engine.progress import SHOWN, Board, RunProgress
from bench.engine.progress_file import alive, queue_states, read_progress, state_of
from bench.engine.step import Place
from tests.bench.engine.toy_steps import OtherStage, Toy


def toys(count: int, kind: type[Toy] = Toy) -> list[Toy]:
    return [kind(place=Place(), title=f"toy {number}", settings={"number": number}) for number in range(count)]


def test_counts_by_stage_and_few_steps_by_name_for_5000_steps() -> None:
    run = RunProgress("mine")
    steps = [*toys(4000), *toys(1000, OtherStage)]
    for step in steps:
        run.asks(step)
        run.asks(step)
    for step in steps[:3000]:
        run.begins(step)
    for step in steps[:1000]:
        run.ends(step, "done")
    for step in steps[1000:1050]:
        run.ends(step, "failed", "no ink " * 100)
    run.ends(steps[-1], "cached")
    began = time.perf_counter()
    document = run.document()
    assert time.perf_counter() - began < 0.1
    assert document["counts"] == {
        "fit": {"done": 1000, "failed": 50, "running": 1950, "waiting": 1000},
        "train": {"cached": 1, "waiting": 999},
    }
    assert len(document["running"]) == len(document["failed"]) == SHOWN
    assert len(json.dumps(document)) < 20_000
    assert document["planned"] is None


def test_steps_in_a_queue_are_not_running_and_begin_when_they_leave_it() -> None:
    run = RunProgress("mine")
    steps = toys(3)
    for step in steps:
        run.begins(step)
    asked = [one["started"] for one in run.document()["running"]]
    run.states = lambda: {steps[0].key: "running", steps[1].key: "pending", steps[2].key: "waiting"}
    document = run.document()
    assert document["counts"] == {"fit": {"running": 1, "queued": 2}}
    assert [(one["title"], one["started"]) for one in document["running"]] == [("toy 0", asked[0])]
    time.sleep(0.05)
    run.states = lambda: {steps[0].key: "running", steps[1].key: "running", steps[2].key: "waiting"}
    for _ in range(2):
        document = run.document()
        assert document["counts"] == {"fit": {"running": 2, "queued": 1}}
        assert document["running"][1]["started"] > asked[1] + 0.04
    run.ends(steps[2], "done")  # done before it was seen outside its queue
    run.states = lambda: {steps[0].key: "running", steps[1].key: "running"}
    assert run.document()["counts"] == {"fit": {"running": 2, "done": 1}}


def test_estimates_are_those_of_the_plan() -> None:
    overall = Overall(7, 1, 60.0, lambda step: 12.5)
    run = RunProgress("mine")
    (step,) = toys(1)
    with run.going(lambda: overall):
        run.begins(step)
        document = run.document()
    assert document["planned"] == 7
    assert document["running"][0]["estimate"] == 12.5
    assert document["seconds_left"] == pytest.approx(60, abs=5)
    assert run.document()["state"] == "done"


@pytest.mark.parametrize(
    ("error", "state"), [(CancelledError, "stopped"), (KeyboardInterrupt, "stopped"), (ValueError, "failed")]
)
def test_a_run_that_is_interrupted_is_stopped_and_not_failed(error: type[BaseException], state: str) -> None:
    run = RunProgress("mine")
    with pytest.raises(error), run.going(str):
        raise error
    assert run.document()["state"] == state


def read(board: Board) -> dict[str, Any]:
    document = read_progress(board.path)
    assert document is not None
    return document


def test_the_file_follows_while_the_process_is_busy_and_says_how_it_ended(tmp_path: Path) -> None:
    board = Board(tmp_path, "my suite/1", suite=True)
    assert board.path == tmp_path / "progress" / "my-suite-1.json"
    with board:
        run = board.run("copy")
        with run.going(str):
            (step,) = toys(1)
            run.begins(step)
            time.sleep(1.5)  # as a step in this process: nothing else is done meanwhile
            during = read(board)
            run.ends(step, "done")
    after = read(board)
    assert during["runs"][0]["counts"] == {"fit": {"running": 1}}
    assert (during["pid"], during["host"], during["name"]) == (os.getpid(), socket.gethostname(), "my suite/1")
    assert state_of(during) == "running"
    assert after["runs"][0]["counts"] == {"fit": {"done": 1}}
    assert state_of(after) == "done"
    assert list(board.path.parent.iterdir()) == [board.path]


def test_two_processes_of_one_name_have_two_files(tmp_path: Path) -> None:
    with Board(tmp_path, "mine") as first:
        time.sleep(0.3)
        second = Board(tmp_path, "mine")
    assert first.path.name == "mine.json"
    assert second.path.name == "mine-2.json"
    assert Board(tmp_path, "mine").path.name == "mine.json"


def test_a_store_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "progress").write_text("a file where the folder should be")
    with Board(tmp_path, "mine") as board:
        board.run("copy")
    assert (tmp_path / "progress").read_text() == "a file where the folder should be"


def test_a_dead_process_is_stopped(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "pass"]) as process:
        process.wait()
    now = {**Board(tmp_path, "mine").document(), "pid": process.pid}
    assert state_of(now) == "stopped"
    other = {**now, "machine": "elsewhere"}
    assert alive(other)
    assert state_of({**other, "heartbeat": time.time() - 61}) == "stopped"
    # the number of a dead process may be that of a later one
    assert not alive({**now, "pid": os.getppid()})


def test_a_process_is_alive_whatever_the_clock_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Board(tmp_path, "mine") as board:
        now = board.document()
        then = {**now, "started": now["started"] - 10**6, "heartbeat": now["heartbeat"] - 10**6}
        assert alive(then)
        monkeypatch.setattr(progress_file, "started", lambda pid: None)  # the process cannot be seen
        assert alive(now)
        assert not alive(then)


DAMAGED = ["", "[]", "{", '{"runs": 3, "heartbeat": 1}', '{"runs": []}', "[" * 10**5]
WRONG = [("pid", "7"), ("started", None), ("heartbeat", "now"), ("name", None), ("runs", [1]), ("runs", [{}])]


@pytest.mark.parametrize("text", DAMAGED)
def test_damaged_documents_are_not_read(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.json").write_text(text)
    assert read_progress(tmp_path / "x.json") is None
    assert read_progress(tmp_path / "absent.json") is None


@pytest.mark.parametrize(("field", "value"), WRONG)
def test_documents_with_wrong_fields_are_not_read(tmp_path: Path, field: str, value: object) -> None:
    board = Board(tmp_path, "mine")
    board.run("copy")
    write_json(tmp_path / "x.json", board.document())
    assert read_progress(tmp_path / "x.json") is not None
    write_json(tmp_path / "x.json", {**board.document(), field: value})
    assert read_progress(tmp_path / "x.json") is None


def test_states_of_queues_are_counted(tmp_path: Path) -> None:
    assert queue_states(tmp_path) == {}
    queue = tmp_path / "queue"
    queue.mkdir()
    (queue / "a.json").write_text(json.dumps({"key": "a", "state": "pending"}))
    (queue / "b.json").write_text(json.dumps({"key": "b", "state": "pending"}))
    (queue / "c.json").write_text(json.dumps({"key": "c", "state": "running"}))
    (queue / "bad.json").write_text("{")
    assert queue_states(tmp_path) == {"pending": 2, "running": 1}
