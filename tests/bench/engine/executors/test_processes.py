"""Workers: steps run from their pickles, errors come back as they are, a dead worker is said in three lines."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.engine.executors import Processes
from bench.engine.session import Session, drive, together
from bench.errors import ConfigError, JobError
from tests.bench.engine.toy_steps import Faulty, Killed, Refused, Toy, Where


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


def test_closing_ends_the_workers(workers: Session) -> None:
    step = toy(workers, Where)
    drive(workers.do(step))
    pid = int(text(workers, step).split()[0])
    workers.executor.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
