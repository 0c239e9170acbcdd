"""Steps as jobs: arrays, errors, pre-emption, time limits, lost nodes; no secrets in files; profiles."""

from __future__ import annotations

import asyncio
import json
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bench.config.profile import read_profile
from bench.engine import failures
from bench.engine.executors import InProcess, check_executor, records
from bench.engine.executors.slurm_profile import SlurmProfile
from bench.engine.reporter import Reporter
from bench.engine.session import Session, drive, together
from bench.engine.store import Store
from bench.errors import BenchError, ConfigError, JobError, MissingError
from tests.bench.engine.executors.slurm_site import Open, left, options, running, text, toy, until, write_profile
from tests.bench.engine.toy_steps import Counting, Faulty, Flags, Killed, Refused, Sums, Toy
from tests.fake_slurm import FakeSlurm


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
