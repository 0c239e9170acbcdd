"""Leases of steps: dead, suspended and distant holders, and several paths to one store."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest

from bench.engine.step import Finished, Place
from bench.engine.store import Store, lease
from bench.engine.store.holder import started, this_process
from bench.engine.store.lease import Lease
from tests.bench.engine.toy_steps import Toy

SPAWN = multiprocessing.get_context("spawn")


def make() -> Toy:
    return Toy(place=Place(), seed=3)


def hold(root: Path, ready: Path, resume: Path, beat: float, expiry: float, said: Path) -> None:
    """Do the step slowly: begin, wait for a file, and write again."""
    lease.BEAT, lease.EXPIRY = beat, expiry

    def work(folder: Path) -> None:
        (folder / "result.txt").write_text("first")
        ready.touch()
        until(resume.exists)
        (folder / "result.txt").write_text("overwritten")

    done = Store(root).run(make(), work, warn=lambda text: None)
    said.write_text(f"{done.reused} {(done.path / 'result.txt').read_text()}")


def until(true: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[BaseProcess]:
    names = ("store", "ready", "resume")
    paths = [tmp_path / name for name in names]
    process = SPAWN.Process(target=hold, args=(*paths, 0.1, 1.0, tmp_path / "said"))
    process.start()
    until((tmp_path / "ready").exists)
    yield process
    if process.is_alive():
        os.kill(process.pid or 0, signal.SIGKILL)
    process.join()


def successor(folder: Path) -> None:
    (folder / "result.txt").write_text("successor")


def test_successor_of_a_killed_process_waits_for_moments(
    tmp_path: Path, holder: BaseProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "EXPIRY", 1000.0)
    os.kill(holder.pid or 0, signal.SIGKILL)  # not yet waited for: a zombie
    begin = time.monotonic()
    done = Store(tmp_path / "store").run(make(), successor)
    assert time.monotonic() - begin < 20
    assert not done.reused
    assert list((tmp_path / "store" / "leases").iterdir()) == []


def test_a_suspended_process_does_not_overwrite_its_successor(
    tmp_path: Path, holder: BaseProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "EXPIRY", 1.0)
    os.kill(holder.pid or 0, signal.SIGSTOP)
    waits: list[int] = []
    done = Store(tmp_path / "store").run(make(), successor, wait=lambda: waits.append(1))
    assert waits == [1]
    (tmp_path / "resume").touch()
    os.kill(holder.pid or 0, signal.SIGCONT)
    holder.join(60)
    assert (done.path / "result.txt").read_text() == "successor"
    assert (tmp_path / "said").read_text() == "True successor"
    assert Store(tmp_path / "store").find(make()) is not None
    assert [path.name for path in done.path.parent.iterdir()] == [done.path.name]
    assert list((tmp_path / "store" / "leases").iterdir()) == []


def test_a_process_on_another_path_to_the_store_waits(tmp_path: Path, holder: BaseProcess) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "store", target_is_directory=True)

    def wait() -> None:
        (tmp_path / "resume").touch()

    done = Store(tmp_path / "link").run(make(), successor, wait=wait)
    assert done.reused
    assert (done.path / "result.txt").read_text() == "overwritten"


def foreign(root: Path, name: str = "0") -> Path:
    """Write the lease of a process on another machine."""
    (root / "leases").mkdir(exist_ok=True)
    other = lease.this_process("2020-01-01", "f" * 32)._replace(machine="elsewhere", host="node7", pid=1)
    path = root / "leases" / f"{make().key}.{name}"
    path.write_text(json.dumps({**other._asdict(), "beats": "0"}))
    return path


def test_a_lease_of_another_machine_expires_by_our_own_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "EXPIRY", 0.5)
    path = foreign(tmp_path)
    os.utime(path, (2e9, 2e9))  # a clock that is years ahead
    partial = Store(tmp_path).path(make()).with_suffix(".partial")
    partial.mkdir(parents=True)
    (partial / "half").write_text("half")

    def work(folder: Path) -> None:
        assert folder != partial
        assert (folder / "half").read_text() == "half"
        successor(folder)

    begin = time.monotonic()
    Store(tmp_path).run(make(), work)
    assert time.monotonic() - begin > 0.5
    assert not partial.exists()


def test_a_lease_with_heartbeats_is_not_taken_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "EXPIRY", 0.3)
    path, waiting = foreign(tmp_path), Lease(tmp_path, make().key)
    begin = time.monotonic()

    def beat(seconds: float, sleep: Callable[[float], None] = time.sleep) -> None:
        if time.monotonic() - begin < 1.5:
            path.write_text(path.read_text()[:-2] + '1"}')
        sleep(0.01)

    monkeypatch.setattr("bench.engine.store.lease.time.sleep", beat)
    waiting.acquire()
    assert time.monotonic() - begin > 1.7
    waiting.release()


def test_a_garbled_lease_expires(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "EXPIRY", 0.2)
    foreign(tmp_path).write_bytes(b"")
    assert not Store(tmp_path).run(make(), successor).reused


def test_of_two_successors_one_holds_the_lease(tmp_path: Path) -> None:
    first, second = Lease(tmp_path, "k"), Lease(tmp_path, "k")
    first.acquire()
    assert second._create(1)  # as if `first` had expired
    assert first.is_lost()
    assert not first.confirm()
    first.release()
    assert second.confirm()
    second.release()
    assert list((tmp_path / "leases").iterdir()) == []


def test_a_lease_that_begins_while_another_is_released_is_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, held = Lease(tmp_path, "k"), Lease(tmp_path, "k"), list[bool]()
    first.acquire()
    assert first.confirm()
    remove = Lease._remove

    def watched(one: Lease, number: int) -> None:
        remove(one, number)
        if one is first and not held and second.acquire_now(lambda path: False):
            held.append(not second.is_lost())

    monkeypatch.setattr(Lease, "_remove", watched)
    first.release()
    assert held == [True]
    second.release()
    assert list((tmp_path / "leases").iterdir()) == []


def test_a_file_system_without_links_has_leases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*paths: object) -> None:
        raise PermissionError("no links here")

    monkeypatch.setattr(os, "link", refuse)
    first, second = Lease(tmp_path, "k"), Lease(tmp_path, "k")
    first.acquire()
    assert not second._create(0)
    assert first.confirm()
    first.release()


@pytest.mark.parametrize("hidden", [FileNotFoundError, PermissionError])
def test_a_process_that_is_hidden_has_not_ended(monkeypatch: pytest.MonkeyPatch, hidden: type[OSError]) -> None:
    read = Path.read_text

    def hide(path: Path, *arguments: Any, **options: Any) -> str:
        if path == Path("/proc") / str(os.getppid()) / "stat":
            raise hidden("hidepid")
        return read(path, *arguments, **options)

    monkeypatch.setattr(Path, "read_text", hide)
    other = this_process("", "")._replace(pid=os.getppid())
    assert started(os.getppid()) is None
    assert not other.ended
    assert this_process("", "")._replace(pid=2**22 + 1).ended


def test_the_holder_beats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held = Lease(tmp_path, "k")
    held.acquire()
    path = tmp_path / "leases" / "k.0"
    before = path.read_bytes()
    held.beat()
    assert path.read_bytes() != before
    assert len(path.read_bytes()) == len(before)
    held.release()


def test_a_holder_that_sleeps_before_the_rename_leaves_the_folder_of_its_successor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "EXPIRY", 0.3)
    monkeypatch.setattr(lease, "BEAT", 1000.0)
    store, confirmed, awake = Store(tmp_path), threading.Event(), threading.Event()
    confirm, said, found = Lease.confirm, list[str](), list[Finished]()

    def slow(self: Lease) -> bool:
        mine = confirm(self)
        if not confirmed.is_set():
            confirmed.set()
            assert awake.wait(60)
        return mine

    def second(folder: Path) -> None:
        awake.set()
        first.join()
        successor(folder)

    monkeypatch.setattr(Lease, "confirm", slow)
    first = threading.Thread(target=lambda: found.append(store.run(make(), lambda folder: successor(folder))))
    first.start()
    assert confirmed.wait(60)
    done = Store(tmp_path).run(make(), second, warn=said.append)
    assert done.reused
    assert [one.reused for one in found] == [False]
    assert said == ["fit: : another process did it too, because one of the two was suspended"]
    assert [path.name for path in done.path.parent.iterdir()] == [done.path.name]
    assert list((tmp_path / "leases").iterdir()) == []


def test_an_error_of_a_successor_counts_only_if_nobody_published_the_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, said = Store(tmp_path / "store"), list[str]()
    Store(tmp_path / "other").run(make(), successor)

    def overtaken(folder: Path) -> None:
        shutil.copytree(Store(tmp_path / "other").path(make()), store.path(make()))  # what a process that woke up does
        raise FileNotFoundError(2, "the folder is gone")

    assert store.run(make(), overtaken, warn=said.append).reused
    assert "FileNotFoundError: [Errno 2] the folder is gone" in said[0]

    def fail(folder: Path) -> None:
        raise FileNotFoundError(2, "nothing was published")

    with pytest.raises(FileNotFoundError, match="nothing was published"):
        Store(tmp_path / "third").run(make(), fail)


def test_who_may_wake_up_is_remembered_after_its_successor_died(tmp_path: Path) -> None:
    foreign(tmp_path)
    dead = lease.this_process("2020-01-01", "d" * 32)._replace(pid=2**22 + 1)
    (tmp_path / "leases" / f"{make().key}.1").write_text(json.dumps({**dead._asdict(), "beats": "0"}))
    third = Lease(tmp_path, make().key)
    third.acquire()
    assert third.took_over is not None
    assert third.took_over.host == "node7"
    third.release()
    assert list((tmp_path / "leases").iterdir()) == []
