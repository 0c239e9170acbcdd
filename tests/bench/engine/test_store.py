"""The store and the keys of steps: publication, resumption, locks."""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from bench.digest import canonical_json, digest
from bench.engine.step import Place
from bench.engine.store import Store, check_writable
from bench.errors import BenchError, JobError
from tests.bench.engine.toy_steps import Newer, OtherStage, Toy


def make(kind: type[Toy] = Toy, **changes: Any) -> Toy:
    return kind(**{"place": Place(), "seed": 3, **changes})


def test_key_ignores_order_and_title_and_sees_everything_else() -> None:
    base = make(settings={"a": 1, "b": (1, 2)})
    assert base.key == make(settings={"b": [1, 2], "a": 1}, title="other").key
    changed = [
        make(OtherStage),
        make(Newer),
        make(settings={"a": 2}),
        make(digests={"data": "y"}),
        make(plugins={"method": 2}),
        make(plugins={}),
        make(seed=4),
        make(place=Place(device="cuda")),
        make(place=Place(precision="bf16-mixed")),
        make(place=Place(threads=2)),
    ]
    keys = [make().key, *(step.key for step in changed)]
    assert len(set(keys)) == len(keys)


def test_key_sees_the_version_of_the_step(monkeypatch: pytest.MonkeyPatch) -> None:
    before = make().key
    monkeypatch.setattr(Toy, "version", 99)
    assert make().key != before


def test_canonical_json_refuses_what_has_no_one_form() -> None:
    assert canonical_json({"b": 1, "a": {"y", "x"}}) == '{"a":["x","y"],"b":1}'
    with pytest.raises(ValueError, match="JSON"):
        digest({"a": float("nan")})
    with pytest.raises(TypeError):
        digest({"a": object()})


def test_finished_step_is_not_done_again(tmp_path: Path) -> None:
    store, calls = Store(tmp_path), []

    def work(folder: Path) -> None:
        calls.append(folder)
        (folder / "result.txt").write_text("42")

    first = store.run(make(), work)
    second = store.run(make(), work)
    assert len(calls) == 1
    assert not first.reused
    assert second.reused
    assert (second.path / "result.txt").read_text() == "42"
    document = json.loads((second.path / "job.json").read_text())
    assert document["config"] == {"a": 1}
    assert document["versions"] == {"method": 1}
    assert document["cost"]["seconds"] > 0
    assert document["cost"]["peak_rss_mib"] > 1


def test_failed_step_goes_on_from_its_folder_and_publishes_no_scratch(tmp_path: Path) -> None:
    store = Store(tmp_path)

    def fail(folder: Path) -> None:
        (folder / "checkpoint.pt").write_text("half")
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        store.run(make(), fail)
    assert store.find(make()) is None

    def finish(folder: Path) -> None:
        assert (folder / "checkpoint.pt").read_text() == "half"
        (folder / "result.txt").write_text("whole")

    done = store.run(make(), finish)
    assert sorted(path.name for path in done.path.iterdir()) == ["job.json", "result.txt"]


def test_time_of_a_failed_attempt_is_added(tmp_path: Path) -> None:
    store = Store(tmp_path)

    def fail(folder: Path) -> None:
        (folder / "x").touch()
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        store.run(make(), fail)
    partial = store.path(make()).with_suffix(".partial")
    spent = json.loads((partial / "cost.json").read_text())
    spent["seconds"] += 100
    (partial / "cost.json").write_text(json.dumps(spent))
    assert store.run(make(), lambda folder: None).cost["seconds"] > 100


def _append(root: Path, counter: Path) -> None:
    def work(folder: Path) -> None:
        with counter.open("a") as handle:
            handle.write("x")

    Store(root).run(make(), work)


def test_two_processes_do_a_step_once(tmp_path: Path) -> None:
    counter = tmp_path / "count"
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_append, args=(tmp_path / "store", counter)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    assert counter.read_text() == "x"


def test_a_store_whose_path_is_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="not UTF-8"):
        check_writable(Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff")))
    assert list(tmp_path.iterdir()) == []


def test_a_store_of_somebody_else_is_refused_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check_writable(tmp_path)
    (tmp_path / "logs").mkdir()
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(BenchError, match="cannot be written") as caught:
        check_writable(tmp_path)
    assert caught.value.got == f"no right to write {tmp_path / 'logs'}"
    assert "umask" in caught.value.fix


def test_a_folder_that_may_not_be_written_is_an_error_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = Store(tmp_path).path(make()).with_suffix(".partial")

    def refuse(path: Path, *arguments: Any, **options: Any) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    def work(folder: Path) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", "/data/of/somebody/else")

    with pytest.raises(PermissionError):  # not of the store
        Store(tmp_path).run(make(), work)
    shutil.rmtree(place)
    monkeypatch.setattr("bench.engine.store.workplace", lambda path, shared: refuse(place))
    with pytest.raises(JobError, match="may not write") as caught:
        Store(tmp_path).run(make(), lambda folder: None)
    assert caught.value.got == f"Permission denied: {place}"
