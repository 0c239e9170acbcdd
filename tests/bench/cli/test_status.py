"""`bench status`: the table and the JSON of suites at work, ended, dead and unknown, and its speed."""

from __future__ import annotations

import json
import re
import sys
import time
from pathlib import Path

import pytest

from bench import cli
from bench.engine.overall import Overall
from bench.engine.progress import Board
from bench.engine.step import Place
from tests.bench.engine.toy_steps import OtherStage, Toy


def run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str | Path
) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["bench", "status", *map(str, arguments)])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    said = capsys.readouterr()
    return int(caught.value.code or 0), said.out, said.err


def toy(number: int, kind: type[Toy] = Toy) -> Toy:
    return kind(place=Place(), title=f"toy {number}", settings={"number": number})


def at_work(store: Path) -> Board:
    """Return a board of two runs, one of them planned, with steps in every state."""
    board = Board(store, "tiny", suite=True)
    first, second = board.run("copy"), board.run("noise [x]")
    first.state = "running"
    first.overall = lambda: Overall(5000, 1, 600.0, lambda step: 300.0)
    for number in range(3):
        first.asks(toy(number))
    first.ends(toy(0), "cached")
    first.begins(toy(1))
    first.ends(toy(2), "failed", "ValueError: no ink")
    second.state = "failed"
    second.ends(toy(0, OtherStage), "done")
    return board


def words(text: str, first: str) -> list[str]:
    (line,) = [line for line in text.splitlines() if line.startswith(first)]
    return line.split()


def test_a_suite_at_work_by_run_and_stage(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    queue = tmp_path / "queue"
    queue.mkdir()
    (queue / "a.json").write_text('{"key": "a", "state": "pending"}')
    with at_work(tmp_path):
        time.sleep(0.3)
        code, out, _ = run(monkeypatch, capsys, "--store", tmp_path)
        _, found, _ = run(monkeypatch, capsys, "--store", tmp_path, "--json")
    assert code == 0
    assert words(out, "tiny:")[1] == "running"
    assert words(out, "run ")[1:6] == ["done", "cached", "running", "waiting", "failed"]
    assert words(out, "copy")[1:] == ["0", "1", "1", "4997", "1", "running,", "about", "10", "min", "left"]
    assert words(out, "noise")[2:] == ["1", "0", "0", "0", "0", "failed"]
    assert words(out, "fit ")[1:] == ["0", "1", "1", "0", "1"]
    assert words(out, "train ")[1:] == ["1", "0", "0", "0", "0"]
    assert re.search(r"running: fit: toy 1 \(for \d s, about 5 min left\)", out)
    assert "failed: fit: toy 2: ValueError: no ink" in out
    assert "queue: 1 pending" in out
    document = json.loads(found)
    assert document["queue"] == {"pending": 1}
    assert document["progress"][0]["state"] == "running"
    assert document["progress"][0]["runs"][0]["totals"] == {"cached": 1, "failed": 1, "running": 1, "waiting": 4997}


def test_steps_in_a_queue_have_a_column(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    board = at_work(tmp_path)
    board.runs[0].states = lambda: {toy(1).key: "pending"}
    with board:
        time.sleep(0.3)
        _, out, _ = run(monkeypatch, capsys, "--store", tmp_path)
    assert words(out, "run ")[1:7] == ["done", "cached", "running", "queued", "waiting", "failed"]
    assert words(out, "copy")[1:7] == ["0", "1", "0", "1", "4997", "1"]
    assert "running: fit" not in out


def test_what_ended_is_shown_with_its_end_and_by_its_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with at_work(tmp_path):
        pass
    with Board(tmp_path, "other"):
        pass
    code, out, _ = run(monkeypatch, capsys, "--store", tmp_path, "--once")
    assert code == 0
    assert "other: done" in out
    assert "tiny" not in out
    _, out, _ = run(monkeypatch, capsys, "configs/suites/tiny.yaml", "--store", tmp_path)
    assert "tiny: failed" in out
    mine = tmp_path / "mine.yaml"
    mine.write_text("{name: tiny, runs: [{method: copy}]}")
    _, out, _ = run(monkeypatch, capsys, str(mine), "--store", tmp_path)
    assert "tiny: failed" in out
    # a killed driver wrote no end
    path = tmp_path / "progress" / "tiny.json"
    document = json.loads(path.read_text())
    path.write_text(json.dumps({**document, "state": "running", "pid": 2**22 + 1}))
    _, out, _ = run(monkeypatch, capsys, "tiny", "--store", tmp_path)
    assert words(out, "tiny:")[1] == "stopped"
    assert "last seen" in out
    assert words(out, "copy")[-1] == "stopped"
    assert "running: " not in out


def test_wrong_names_and_empty_stores(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code, _, err = run(monkeypatch, capsys, "--store", tmp_path / "none")
    assert code == 2
    assert "no suite or run" in err
    assert not (tmp_path / "none").exists()
    with Board(tmp_path, "tiny"):
        pass
    code, _, err = run(monkeypatch, capsys, "tinny", "--store", tmp_path)
    assert code == 2
    assert "did you mean 'tiny'" in err
