"""Drivers of jobs that stop, claims of steps, results that cannot be read, and a shared file system that fails."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from bench.engine.device import Device
from bench.engine.executors import job_files, records, slurm_queue
from bench.engine.executors.slurm_profile import SlurmProfile
from bench.engine.executors.slurm_queue import SlurmQueue
from bench.engine.reporter import Reporter
from bench.engine.session import Session, drive, together
from bench.engine.store import Store
from bench.errors import JobError
from tests.bench.engine.executors.slurm_site import FAST, ROOT, Open, left, running, text, toy, until
from tests.bench.engine.toy_steps import Counting, Toy
from tests.fake_slurm import FakeSlurm

DRIVER = """
import sys
from pathlib import Path
from tests.bench.engine.executors.slurm_site import options
from tests.bench.engine.toy_steps import Counting
from bench.engine.device import Device
from bench.engine.executors import open_executor
from bench.engine.reporter import Reporter
from bench.engine.session import Session, drive, together
from bench.engine.store import Store
folder = Path(sys.argv[1])
executor = open_executor("slurm", options(folder))
session = Session(Store(folder / "store"), Reporter(), Device("cpu", "CPU"), "32-true", 1, executor=executor)
about = {"kind": "Counting", "to": 20}
steps = [Counting(place=session.numeric, title=f"toy {n}", settings=about, seed=n) for n in range(3)]
drive(together(*(session.do(step) for step in steps)))
"""


@pytest.mark.slow
def test_the_next_driver_awaits_what_is_queued_or_running(slurm: FakeSlurm, on: Open, tmp_path: Path) -> None:
    session = on()
    steps = [toy(session, Counting, number, to=20) for number in range(3)]
    first = subprocess.Popen([sys.executable, "-c", DRIVER, str(tmp_path)], cwd=ROOT)
    store = session.store.root
    until(lambda: len([one for one in records.read_all(store) if one.job]) == 3)
    until(lambda: any(True for _ in running(slurm)))
    first.send_signal(signal.SIGKILL)
    first.wait()
    drive(together(*(session.do(step) for step in steps)))
    assert [text(session, step) for step in steps] == ["20"] * 3
    assert len(slurm.calls("sbatch")) == 1
    assert [task["restarts"] for task in slurm.tasks().values()] == [0, 0, 0]
    assert left(store) == []


def test_a_driver_that_died_while_it_sent_an_array_leaves_nothing_awaited_for_ever(slurm: FakeSlurm, on: Open) -> None:
    session = on()
    step = toy(session, Toy)
    dead = subprocess.Popen(["true"])
    dead.wait()
    new = records.Queued(step.key, step.stage, step.title, "bench-00000000", 0, 0, time.time())
    assert records.claim(session.store.root, new)
    assert not records.claim(session.store.root, new)
    found = records.read(session.store.root, step.key)
    assert found is not None
    assert not found.abandoned
    # the number of a dead process may be that of a later one
    assert replace(found, pid=os.getppid()).abandoned
    assert not replace(found, pid=dead.pid, machine="elsewhere").abandoned
    assert replace(found, pid=dead.pid, machine="elsewhere", sent=0.0).abandoned
    records.update(session.store.root, replace(found, pid=dead.pid))
    drive(session.do(step))
    assert slurm.calls("scancel") == [["--name=bench-00000000"]]
    assert text(session, step) == "42"


def test_a_step_is_claimed_once_on_a_file_system_without_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*paths: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    new = records.Queued("k", "fit", "", "bench-00000000", 0, 0, time.time())
    assert records.claim(tmp_path, new)
    assert not records.claim(tmp_path, new)
    assert records.read(tmp_path, "k") is not None


UNREADABLE = [b"", b"not a pickle", b"cno_such_package\nError\n.", b"X\x01\x00\x00\x00\xff.", b"\x80\x09.", b"K\x01."]


@pytest.mark.parametrize("left_by_job", UNREADABLE)
def test_a_result_that_cannot_be_read_is_the_error_of_its_step(tmp_path: Path, left_by_job: bytes) -> None:
    class Completed:
        def submit(self, folder: Path, *_: object) -> list[str]:
            folder.mkdir(parents=True)
            (folder / job_files.result_name("1_0")).write_bytes(left_by_job)
            return ["1_0"]

        def states(self, jobs: Sequence[str]) -> dict[str, str]:
            return dict.fromkeys(jobs, "completed")

        def cancel(self, name: str) -> None: ...

    queue = SlurmQueue(SlurmProfile(**FAST), Completed())
    place = Device("cpu", "CPU")
    session = Session(Store(tmp_path), Reporter(quiet=True), place, "32-true", 1, executor=queue)
    try:
        with pytest.raises(JobError, match="A job ended while it did fit: toy 0"):
            drive(asyncio.wait_for(session.do(toy(session, Toy)), 20))
    finally:
        queue.close()


def test_a_file_system_that_fails_for_moments_fails_no_step(
    slurm: FakeSlurm, on: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    names, failed = job_files.names, list[Path]()

    def stale(of: Path) -> frozenset[str]:
        if len(failed) < 3:
            failed.append(of)
            raise OSError(errno.ESTALE, "Stale file handle")
        return names(of)

    monkeypatch.setattr(job_files, "names", stale)
    session = on()
    step = toy(session, Toy)
    drive(session.do(step))
    assert (text(session, step), len(failed)) == ("42", 3)
    failed.clear()
    monkeypatch.setattr(slurm_queue, "PATIENCE", 0.0)
    with pytest.raises(JobError, match="queue of the cluster cannot be used"):
        drive(session.do(toy(session, Toy, 1)))
