"""Steps as jobs: arrays, errors, pre-emption, time limits, lost nodes, drivers that stop; no secrets in files."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bench.config.profile import read_profile
from bench.engine import failures
from bench.engine.device import Device
from bench.engine.executors import (
    ExecutorOptions,
    InProcess,
    check_executor,
    job_files,
    open_executor,
    records,
    slurm_queue,
)
from bench.engine.executors.slurm_profile import SlurmProfile
from bench.engine.executors.slurm_queue import SlurmQueue
from bench.engine.reporter import Reporter
from bench.engine.session import Session, drive, together
from bench.engine.store import Store
from bench.errors import BenchError, ConfigError, JobError, MissingError
from tests.bench.engine.toy_steps import Counting, Faulty, Flags, Killed, Refused, Sums, Toy
from tests.fake_slurm import FakeSlurm

ROOT = Path(__file__).parents[4]
FAST: dict[str, Any] = {"collect_seconds": 0.2, "poll_seconds": 0.2, "lag_seconds": 0.5, "signal_seconds": 2}
Open = Callable[..., Session]


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeSlurm]:
    """A cluster on the path, on which a minute takes two seconds."""
    cluster = FakeSlurm.install(tmp_path / "slurm", minute=2.0, refuse="nowhere")
    monkeypatch.setenv("PATH", f"{tmp_path / 'slurm' / 'bin'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    yield cluster
    cluster.stop()


@pytest.fixture
def on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    """Opens sessions over one store, whose steps are jobs of a profile."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    opened: list[Session] = []

    def open_session(**changes: Any) -> Session:
        write_profile(tmp_path, **changes)
        executor = open_executor("slurm", options(tmp_path))
        place = Device("cpu", "CPU")
        opened.append(Session(Store(tmp_path / "store"), Reporter(quiet=True), place, "32-true", 1, executor=executor))
        return opened[-1]

    yield open_session
    for session in opened:
        session.executor.close()


def write_profile(folder: Path, **changes: Any) -> Path:
    path = folder / "site.yaml"
    path.write_text(json.dumps({**FAST, **changes}))  # YAML contains JSON
    return path


def options(folder: Path) -> ExecutorOptions:
    store, profile = folder / "store", str(folder / "site.yaml")
    return ExecutorOptions(store=store, profile=profile, read_profile=read_profile)


def toy(session: Session, kind: type[Toy], number: int = 0, **settings: Any) -> Toy:
    about = {"kind": kind.__name__, **settings}
    return kind(place=session.numeric, title=f"toy {number}", settings=about, seed=number)


def text(session: Session, step: Toy) -> str:
    return (session.store.path(step) / "result.txt").read_text()


def left(store: Path) -> list[str]:
    """Return what jobs left in the queue's folder."""
    return sorted(str(path.relative_to(store)) for path in (store / "queue").rglob("*") if path.is_file())


def until(condition: Callable[[], Any], seconds: float = 30.0) -> Any:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError("it did not happen in time")


def test_ready_steps_are_one_array_per_need_and_leave_nothing(slurm: FakeSlurm, on: Open) -> None:
    session = on()
    steps = [toy(session, Flags, number) for number in range(3)]
    done = drive(together(*(session.do(step) for step in steps)))
    assert [one.path for one in done] == [session.store.path(step) for step in steps]
    assert len(slurm.calls("sbatch")) == 1
    assert set(slurm.tasks()) == {"100_0", "100_1", "100_2"}
    said = json.loads(text(session, steps[0]))
    assert said["safe_path"] is True
    assert (said["threads"], said["waiting"]) == ("1", "PASSIVE")
    assert left(session.store.root) == []
    assert session.executor.states() == {}


def test_a_job_asks_for_what_the_profile_says(slurm: FakeSlurm, on: Open) -> None:
    asked = {"partition": "short", "account": "lab-1", "memory_gib": 3, "minutes": 7, "options": {"nice": "5"}}
    session = on(cpu=asked, environment=["MY_LICENCE"])
    drive(session.do(toy(session, Toy)))
    (task,) = slurm.tasks().values()
    wanted = {"partition": "short", "account": "lab-1", "mem": "3GB", "time": "7", "nice": "5", "cpus-per-task": "1"}
    assert wanted.items() <= task["asked"].items()
    assert {"gpus-per-node", "wckey"}.isdisjoint(task["asked"])
    assert task["asked"]["signal"] == "USR2@2"
    assert "requeue" in task["asked"]
    assert "MY_LICENCE" in task["asked"]["export"].split(",")


def test_secrets_reach_neither_jobs_nor_files(slurm: FakeSlurm, on: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = {
        "HF_TOKEN": "hf-12345",
        "MLFLOW_TRACKING_URI": "http://me:pw-12345@host",
        "MLFLOW_TRACKING_PASSWORD": "pw-12345",
    }
    for name, value in secrets.items():
        monkeypatch.setenv(name, value)
    session = on()
    step, faulty = toy(session, Flags), toy(session, Faulty)
    drive(session.do(step))
    with pytest.raises(JobError):
        drive(session.do(faulty))
    assert json.loads(text(session, step))["secrets"] == []
    written = [path for path in session.store.root.rglob("*") if path.is_file()]
    assert any("log" in path.name for path in written)
    assert not [path for path in written if b"12345" in path.read_bytes()]
    assert "12345" not in json.dumps(slurm.tasks())


@pytest.mark.slow
def test_errors_arrive_as_they_are_and_are_recorded(slurm: FakeSlurm, on: Open) -> None:
    session = on()
    refused, faulty = toy(session, Refused), toy(session, Faulty)
    with pytest.raises(ConfigError) as first:
        drive(session.do(refused))
    assert (first.value.message, first.value.got) == ("expected another step", "this one")
    with pytest.raises(JobError) as second:
        drive(session.do(faulty))
    assert second.value.got == "ZeroDivisionError: by nothing"
    found = failures.read(session.store.root, faulty.key)
    assert found is not None
    assert "toy_steps.py" in found.traceback
    assert records.read_all(session.store.root) == []
    assert len(slurm.tasks()) == 2  # no error of a step is tried again


@pytest.mark.slow
def test_a_preempted_job_continues_from_its_checkpoint(slurm: FakeSlurm, on: Open) -> None:
    session = on(cpu={"minutes": 60})
    step = toy(session, Counting, to=30)
    disturbed: list[dict[str, str]] = []

    async def disturb() -> None:
        for signals in (True, False):
            least = 3 if signals else 12
            job = await asyncio.to_thread(until, partial(counted, session, step, least))
            disturbed.append(dict(session.executor.states()))
            slurm.preempt(job, signals=signals)

    def counted(session: Session, step: Toy, least: int) -> str:
        checkpoint = session.store.path(step).with_suffix(".partial") / "checkpoint.pt"
        enough = checkpoint.exists() and int(checkpoint.read_text() or 0) >= least
        return next((job for job, task in slurm.tasks().items() if task["state"] == "RUNNING"), "") if enough else ""

    drive(together(session.do(step), disturb()))
    assert text(session, step) == "30"
    starts = [int(line) for line in (session.store.path(step) / "starts.txt").read_text().split()]
    assert len(starts) == 3
    assert 0 == starts[0] < starts[1] < starts[2]
    (task,) = slurm.tasks().values()
    assert task["restarts"] == 2
    assert set(disturbed[0]) == {step.key}


@pytest.mark.slow
def test_a_job_whose_time_is_over_is_queued_again_and_continues(slurm: FakeSlurm, on: Open) -> None:
    session = on(cpu={"minutes": 3}, signal_seconds=105)  # 6 s, with a signal after 2.5 s
    step = toy(session, Counting, to=40)
    drive(session.do(step))
    starts = [int(line) for line in (session.store.path(step) / "starts.txt").read_text().split()]
    assert len(starts) >= 2
    assert starts[1] > 0
    (task,) = slurm.tasks().values()
    assert task["restarts"] >= 1


@pytest.mark.slow
def test_a_job_that_cannot_queue_itself_again_is_sent_again(slurm: FakeSlurm, on: Open) -> None:
    # a container has no scontrol
    python = ["env", "PATH=/usr/bin:/bin", sys.executable]
    session = on(cpu={"minutes": 3}, signal_seconds=105, python=python)
    step = toy(session, Counting, to=40)
    drive(session.do(step))
    starts = [int(line) for line in (session.store.path(step) / "starts.txt").read_text().split()]
    assert len(starts) >= 2
    assert starts[1] > 0
    assert len(slurm.calls("sbatch")) == len(starts)
    assert slurm.calls("scontrol") == []
    assert failures.read_all(session.store.root) == []


@pytest.mark.slow
def test_a_step_that_never_fits_its_time_is_an_error_that_says_so(slurm: FakeSlurm, on: Open) -> None:
    session = on(cpu={"minutes": 3}, signal_seconds=105, requeues=0)
    step = toy(session, Counting, to=500)
    with pytest.raises(JobError, match="used up their time") as late:
        drive(session.do(step))
    assert "minutes" in late.value.fix
    assert failures.read(session.store.root, step.key) is not None
    assert records.read_all(session.store.root) == []


@pytest.mark.slow
def test_a_lost_node_sends_the_step_again_and_a_killed_one_is_an_error(slurm: FakeSlurm, on: Open) -> None:
    session = on()
    step = toy(session, Counting, to=15)

    async def lose() -> None:
        job = await asyncio.to_thread(until, lambda: next(running(slurm), ""))
        await asyncio.to_thread(until, (session.store.path(step).with_suffix(".partial") / "checkpoint.pt").exists)
        slurm.end(job, "NODE_FAIL")

    drive(together(session.do(step), lose()))
    starts = (session.store.path(step) / "starts.txt").read_text().split()
    assert len(starts) == 2
    assert int(starts[1]) > 0
    assert len(slurm.calls("sbatch")) == 2
    killed = toy(session, Killed)
    with pytest.raises(JobError, match="A job ended while it did fit: toy 0") as error:
        drive(session.do(killed))
    assert "failed" in error.value.got
    assert len(slurm.calls("sbatch")) == 3


def running(slurm: FakeSlurm) -> Iterator[str]:
    return (job for job, task in slurm.tasks().items() if task["state"] == "RUNNING")


DRIVER = """
import sys
from pathlib import Path
from tests.bench.engine.executors.test_slurm import options
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


def test_a_refused_partition_is_an_error_before_anything_runs(slurm: FakeSlurm, on: Open) -> None:
    session = on(cpu={"partition": "nowhere"})
    with pytest.raises(JobError, match="Slurm did not accept the jobs") as refused:
        drive(session.do(toy(session, Toy)))
    assert "invalid partition" in refused.value.got
    assert "sinfo" in refused.value.fix
    assert slurm.tasks() == {}
    assert left(session.store.root / "queue") == []


def test_numbers_of_jobs_are_those_of_this_process(slurm: FakeSlurm, on: Open, tmp_path: Path) -> None:
    session = on()
    step = toy(session, Sums)
    drive(session.do(step))
    here = Session(Store(tmp_path / "here"), Reporter(quiet=True), session.device, "32-true", 1, executor=InProcess())
    drive(here.do(step))
    assert text(session, step) == text(here, step)


@pytest.mark.slow
def test_with_submitits_own_local_executor(on: Open) -> None:
    session = on(cluster="local")
    steps = [toy(session, Sums, number) for number in range(2)]
    drive(together(*(session.do(step) for step in steps)))
    assert len({text(session, step) for step in steps}) == 2
    with pytest.raises(JobError, match="A job ended"):
        drive(session.do(toy(session, Killed)))
    assert left(session.store.root) != []  # the log of the job that was killed


@pytest.mark.parametrize(
    ("changes", "got"),
    [
        ({"cpu": {"partition": "a\nb"}}, "cpu.partition"),
        ({"cpu": {"partition": "a; rm -rf ~"}}, "cpu.partition"),
        ({"cpu": {"partitoin": "a"}}, "did you mean 'cpu.partition'"),
        ({"modules": ["cuda$(reboot)"]}, "modules"),
        ({"environment": ["HF_TOKEN"]}, "no secrets"),
        ({"gpu": {"gpus": 0}}, "asks for no GPU"),
        ({"cpu": {"options": {"export": "ALL"}}}, "which the harness sets itself"),
        ({"cpu": {"minutes": 0}}, "greater than 0"),
        ({"python": ["python3\n"]}, "without line breaks"),
    ],
)
def test_a_bad_profile_is_refused(tmp_path: Path, slurm: FakeSlurm, changes: dict[str, Any], got: str) -> None:
    write_profile(tmp_path, **changes)
    with pytest.raises(ConfigError) as bad:
        check_executor("slurm", options(tmp_path))
    assert got in str(bad.value)
    assert slurm.calls("sbatch") == []


def test_without_slurm_it_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_profile(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingError, match="not on the path") as absent:
        check_executor("slurm", options(tmp_path))
    assert absent.value.got == "no sbatch, srun, sacct, scancel, scontrol"
    monkeypatch.setattr("bench.extras.find_spec", lambda name: None)
    with pytest.raises(MissingError) as absent:
        check_executor("slurm", options(tmp_path))
    assert absent.value.fix == "pip install 'augbench[slurm]'"


def test_our_example_is_a_profile_and_others_are_not_found(tmp_path: Path) -> None:
    assert read_profile(SlurmProfile, "slurm").gpu.gpus == 1
    with pytest.raises(BenchError, match="no such profile"):
        read_profile(SlurmProfile, str(tmp_path / "none.yaml"))
