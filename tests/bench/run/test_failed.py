"""The error of a run with failed steps: unchanged for one, a list for several, and the code of failed work."""

from __future__ import annotations

import pytest

from bench.engine.session import FailedStep, Session
from bench.errors import BenchError, ConfigError, DataError, JobError
from bench.run.failed import NAMED, error_of_run
from tests.bench.engine.toy_steps import Toy


def failing(session: Session, *errors: Exception) -> list[Exception]:
    for number, error in enumerate(errors):
        step = Toy(place=session.numeric, title=f"toy {number}", settings={"number": number})
        session.failed[step.key] = FailedStep(step, error)
    return [*errors]


def test_one_failed_step_keeps_its_error_and_the_request_is_not_wrong(session: Session) -> None:
    (error,) = failing(session, DataError("a tile is damaged", got="x.png"))
    assert isinstance(error, BenchError)
    assert error.exit_code == 2
    assert error_of_run(session, error) is error
    assert error.exit_code == 1
    assert str(error) == "a tile is damaged; got: x.png"
    assert error.__notes__ == ["step:  fit: toy 0"]


def test_the_note_of_one_failed_step_names_its_record_once(session: Session) -> None:
    (error,) = failing(session, ValueError("no ink"))
    (key,) = session.failed
    record = session.store.root / "failures" / key
    record.mkdir(parents=True)
    for _ in range(2):  # two runs need the step
        assert error_of_run(session, error) is error
    assert error.__notes__ == [f"step:  fit: toy 0 (see {record})"]


def test_a_wrong_request_stays_what_it_is(session: Session) -> None:
    failing(session, ValueError("a"), ValueError("b"))
    wrong = ConfigError("the request is wrong")
    assert error_of_run(session, wrong) is wrong
    assert wrong.exit_code == 2


def test_several_failed_steps_are_a_line_each_with_their_causes_and_records(session: Session) -> None:
    first, _ = failing(
        session, ValueError("no\nink"), JobError("A worker process ended while it did fit: toy 1", got="exit status 9")
    )
    second = [*session.failed][1]
    record = session.store.root / "failures" / second
    record.mkdir(parents=True)
    error = error_of_run(session, first)
    assert isinstance(error, JobError)
    assert error.exit_code == 1
    assert error.message == "2 steps failed; everything that does not depend on them is done"
    assert error.got.splitlines() == [
        "fit: toy 0: ValueError: no ink",
        f"fit: toy 1: exit status 9 (see {record})",
    ]


def test_an_error_of_the_program_is_listed_with_failed_steps(session: Session) -> None:
    failing(session, ValueError("no ink"))
    error = error_of_run(session, KeyError("evaluation"))
    assert isinstance(error, JobError)
    assert error.got.splitlines() == ["fit: toy 0: ValueError: no ink", "KeyError: 'evaluation'"]


@pytest.mark.parametrize("count", [NAMED, NAMED + 3])
def test_long_lists_are_cut(session: Session, count: int) -> None:
    first, *_ = failing(session, *(ValueError(str(number)) for number in range(count)))
    error = error_of_run(session, first)
    assert isinstance(error, JobError)
    lines = error.got.splitlines()
    assert len(lines) == min(count, NAMED + 1)
    assert (lines[-1] == "and 3 more") is (count > NAMED)
    assert error.message.startswith(f"{count} steps failed")
