"""Workers: steps run from their pickles, errors come back as they are, a dead worker is said in three lines."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.engine import failures
from bench.engine.executors import Processes
from bench.engine.executors.processes import send
from bench.engine.session import Session, drive, together
from bench.engine.step import Place, Resources
from bench.engine.threads import environment
from bench.errors import ConfigError, JobError
from tests.bench.engine.toy_steps import Faulty, Flags, Killed, Refused, Toy, Where


@pytest.fixture
def workers(session: Session, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    """A session of two workers, which find the steps of tests."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[4]))
    session.executor = Processes(2)
    yield session
    session.executor.close()


def toy(session: Session, kind: type[Toy], number: int = 0) -> Toy:
    return kind(place=session.numeric, title=f"toy {number}", settings={"kind": kind.__name__}, seed=number)


def text(session: Session, step: Toy) -> str:
    return (session.store.path(step) / "result.txt").read_text()


def test_several_workers_do_steps_with_the_threads_of_their_keys(workers: Session) -> None:
    steps = [toy(workers, Where, number) for number in range(4)]
    done = drive(together(*(workers.do(step) for step in steps)))
    said = [text(workers, step).split() for step in steps]
    pids = {int(pid) for pid, *_ in said}
    assert 1 <= len(pids) <= 2
    assert os.getpid() not in pids
    assert [rest for _, *rest in said] == [["1", "1", str(number)] for number in range(4)]
    assert [one.path for one in done] == [workers.store.path(step) for step in steps]
    assert not any(one.reused for one in done)


def test_errors_arrive_as_they_are_and_the_workers_go_on(workers: Session) -> None:
    drive(workers.do(toy(workers, Where)))
    with pytest.raises(ConfigError) as refused:
        drive(workers.do(toy(workers, Refused)))
    error = refused.value
    assert (error.message, error.got, error.fix) == ("expected another step", "this one", "ask for another")
    with pytest.raises(JobError) as faulty:
        drive(workers.do(toy(workers, Faulty)))
    assert faulty.value.message == "A step failed: fit: toy 0"
    assert faulty.value.got == "ZeroDivisionError: by nothing"
    assert "run the same command again" in faulty.value.fix
    drive(workers.do(toy(workers, Where, 1)))
    pids = {text(workers, toy(workers, Where, number)).split()[0] for number in range(2)}
    assert len(pids) == 1


def test_a_killed_worker_is_three_lines_and_the_next_run_goes_on(workers: Session) -> None:
    step = toy(workers, Killed)
    with pytest.raises(JobError) as killed:
        drive(workers.do(step))
    error = killed.value
    assert error.message == "A worker process ended while it did fit: toy 0"
    assert error.got == "exit status -9, perhaps for lack of memory"
    assert error.fix.startswith("run the same command again: finished work is kept")
    assert workers.store.find(step) is None
    again = Session(workers.store, workers.reporter, workers.device, "32-true", 1, executor=Processes(1))
    try:
        assert not drive(again.do(step)).reused
    finally:
        again.executor.close()
    assert text(workers, step) == "went on from half"


class Accelerated(Flags):
    """Needs an accelerator."""

    @property
    def resources(self) -> Resources:
        return Resources(accelerator=True)


def test_a_step_that_needs_a_gpu_sees_that_one_and_others_see_none(workers: Session) -> None:
    workers.executor = Processes(2, ["3", "5"])
    place = Place("mps")
    steps = [Accelerated(place=place, title="toy", seed=number) for number in range(4)] + [toy(workers, Flags)]
    drive(together(*(workers.do(step) for step in steps)))
    seen = [json.loads(text(workers, step))["gpu"] for step in steps]
    assert set(seen[:4]) == {"3", "5"}
    assert seen[4] == ""


def test_a_dead_worker_is_replaced_and_its_step_recorded_as_failed(workers: Session) -> None:
    workers.executor = Processes(1)
    step = toy(workers, Killed)
    with pytest.raises(JobError):
        drive(workers.do(step))
    found = failures.read(workers.store.root, step.key)
    assert found is not None
    assert found.got.startswith("exit status -9")
    other = toy(workers, Where, 1)
    drive(workers.do(other))
    assert text(workers, other)
    drive(workers.executor.run(step, workers))
    assert failures.read(workers.store.root, step.key) is None


def test_a_step_that_cannot_be_sent_leaves_no_worker(workers: Session) -> None:
    class Local(Toy):
        """No other process can find it."""

    for number in range(3):
        with pytest.raises((AttributeError, pickle.PicklingError)):
            drive(workers.do(toy(workers, Local, number)))
    assert isinstance(workers.executor, Processes)
    assert not workers.executor._all
    assert len(failures.read_all(workers.store.root)) == 3


def test_a_worker_whose_driver_was_killed_finishes_its_step_and_says_nothing(workers: Session) -> None:
    step = toy(workers, Where)
    command = [sys.executable, "-P", "-m", "bench.engine.executors.worker"]
    worker = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              env={**os.environ, **environment(1)})  # fmt: skip
    assert worker.stdin is not None
    assert worker.stdout is not None
    assert worker.stderr is not None
    worker.stdout.close()
    send(worker.stdin, (step, workers.store, workers.reporter.remote(), 0))
    said = worker.stderr.read().decode()
    assert (worker.wait(), "Traceback" in said, "BrokenPipe" in said) == (0, False, False), said
    worker.stdin.close()
    worker.stderr.close()
    assert workers.store.find(step) is not None


def test_one_pool_serves_several_event_loops(workers: Session) -> None:
    for number in range(2):
        steps = [toy(workers, Where, 10 * number + one) for one in range(5)]  # more than there are workers
        drive(together(*(workers.do(step) for step in steps)))
    assert workers.executor.states() == {}


def test_a_step_costs_the_pool_little(workers: Session) -> None:
    drive(together(*(workers.do(toy(workers, Where, number)) for number in range(2))))  # starts the workers

    def milliseconds(first: int) -> float:
        steps = [toy(workers, Toy, first + number) for number in range(80)]
        begun = time.perf_counter()
        drive(together(*(workers.do(step) for step in steps)))
        return (time.perf_counter() - begun) / len(steps) * 1000

    # other processes of the machine make it slower at times
    assert min(milliseconds(1000 * part) for part in range(1, 4)) < 10


def test_closing_ends_the_workers(workers: Session) -> None:
    step = toy(workers, Where)
    drive(workers.do(step))
    pid = int(text(workers, step).split()[0])
    workers.executor.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
