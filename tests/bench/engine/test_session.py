"""Sessions: each step once, several at a time, a failed step stops no other, a wrong request and a stop do."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from bench.engine.progress import RunProgress
from bench.engine.reporter import Reporter
from bench.engine.session import Parked, Session, cause, drive, together
from bench.engine.step import Finished, Step
from bench.engine.stop import Stopped
from bench.errors import ConfigError
from tests.bench.engine.toy_steps import Faulty, Interrupted, Refused, Toy


class Slow:
    """An executor under which every step takes turns with the others; `log` says what began and ended."""

    def __init__(self) -> None:
        self.log: list[str] = []

    async def run(self, step: Step, session: Session) -> Finished:
        self.log.append(f"{step.title} begins")
        for _ in range(3):
            await asyncio.sleep(0)
        session.reporter.begins(step)
        if isinstance(step, Faulty | Refused):
            step.run(session.store.root, None)  # type: ignore[arg-type]
        if step.title == "parked":
            raise Parked(step.title)
        self.log.append(f"{step.title} ends")
        return Finished(step.key, step.stage, session.store.path(step), reused=False)

    def close(self) -> None:
        """End nothing."""


def toy(session: Session, title: str, kind: type[Toy] = Toy) -> Toy:
    return kind(place=session.numeric, title=title, settings={"title": title})


@pytest.fixture
def slow(session: Session) -> Slow:
    session.executor = Slow()
    return session.executor


def test_two_that_await_one_step_have_it_done_once(session: Session, slow: Slow) -> None:
    first, second = drive(together(session.do(toy(session, "a")), session.do(toy(session, "a"))))
    assert first is second
    assert slow.log == ["a begins", "a ends"]
    assert list(session.finished) == [first.key]


def test_parts_of_a_program_share_steps_and_name_themselves_in_titles(session: Session, slow: Slow) -> None:
    parts = [session.part(f"fold {k}/2") for k in (1, 2)]
    shared = drive(together(*(part.do(toy(session, "a")) for part in parts)))
    own = drive(together(*(part.do(toy(session, part.about)) for part in parts)))
    assert slow.log[:2] == ["a, fold 1/2 begins", "a, fold 1/2 ends"]
    assert slow.log[2] == "fold 1/2, fold 1/2 begins"
    assert {one.key for one in [*shared, *own]} == set(session.finished)
    assert len(session.finished) == 3


def test_several_steps_are_at_work_at_once_and_come_back_in_order(session: Session, slow: Slow) -> None:
    steps = [toy(session, title) for title in "ab"]
    done = drive(together(*(session.do(step) for step in steps)))
    assert slow.log == ["a begins", "b begins", "a ends", "b ends"]
    assert [one.key for one in done] == [step.key for step in steps]


def test_a_finished_step_is_found_without_the_executor(session: Session, slow: Slow) -> None:
    step = toy(session, "a")
    session.store.run(step, lambda folder: None)
    found = drive(session.do(step))
    assert found.reused
    assert session.reused == 1
    assert slow.log == []


def test_a_wrong_request_ends_the_others(session: Session, slow: Slow, capsys: pytest.CaptureFixture[str]) -> None:
    async def long() -> Finished:
        for number in range(9):
            done = await session.do(toy(session, f"long {number}"))
        return done

    async def refused(title: str) -> Finished:
        return await session.do(toy(session, title, Refused))

    with pytest.raises(ConfigError, match="another step"):
        drive(together(long(), refused("one"), refused("other")))
    assert slow.log.count("long 0 ends") == 1
    assert "long 1 ends" not in slow.log
    # the other error is not printed beside the one that is raised
    assert capsys.readouterr().err == ""


def test_a_parked_program_lets_the_others_go_on(session: Session, slow: Slow) -> None:
    async def chain(*titles: str) -> None:
        for title in titles:
            await session.do(toy(session, title))

    with pytest.raises(Parked):
        drive(together(chain("parked", "never"), chain("a", "b", "c")))
    assert [line for line in slow.log if line.endswith("ends")] == ["a ends", "b ends", "c ends"]
    assert "never begins" not in slow.log


def test_a_failed_step_stops_only_what_needs_it(session: Session, slow: Slow) -> None:
    async def chain(*titles: str) -> None:
        for title in titles:
            await session.do(toy(session, title, Faulty if title.startswith("faulty") else Toy))

    session.progress = RunProgress("mine")
    with pytest.raises(ZeroDivisionError):
        drive(together(chain("faulty", "never"), chain("a", "faulty 2", "never"), chain("b", "c", "faulty", "never")))
    assert [line for line in slow.log if line.endswith("ends")] == ["a ends", "b ends", "c ends"]
    assert slow.log.count("faulty begins") == 1
    assert "never begins" not in slow.log
    causes = {one.step.title: cause(one) for one in session.failed.values()}
    assert causes == dict.fromkeys(("faulty", "faulty 2"), "ZeroDivisionError: by nothing")
    document = session.progress.document()
    assert document["counts"] == {"fit": {"failed": 2, "done": 3}}
    assert [one["cause"] for one in document["failed"]] == ["ZeroDivisionError: by nothing"] * 2


def test_a_failed_step_frees_what_it_worked_with(session: Session) -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        drive(session.do(toy(session, "a", Faulty)))
    frames = [frame for frame in caught.traceback if frame.name == "run" and "toy_steps" in str(frame.path)]
    assert len(frames) == 1
    assert frames[0].frame.f_locals == {}


def test_two_sessions_share_steps_and_each_fails_with_its_own(session: Session, slow: Slow) -> None:
    other = Session(session.store, Reporter(quiet=True), session.device, "32-true", 1, executor=slow)
    other.asked = session.asked
    first, second = drive(together(session.do(toy(session, "a")), other.do(toy(session, "a"))))
    assert slow.log == ["a begins", "a ends"]
    assert (first.reused, second.reused) == (False, True)
    assert list(session.finished) == list(other.finished) == [first.key]

    async def failing(one: Session) -> None:
        with pytest.raises(ZeroDivisionError):
            await one.do(toy(session, "b", Faulty))

    drive(together(failing(session), failing(other)))
    # in a later loop, too: what failed is not tried again by the same process
    drive(failing(other))
    assert slow.log.count("b begins") == 1
    assert list(session.failed) == list(other.failed)


def test_a_session_that_gives_up_does_not_take_a_step_from_another(session: Session, slow: Slow) -> None:
    other = Session(session.store, Reporter(quiet=True), session.device, "32-true", 1, executor=slow)
    other.asked = session.asked

    async def wrong() -> None:
        await asyncio.sleep(0)
        raise ConfigError("wrong")

    async def refused() -> None:
        with pytest.raises(ConfigError):
            await together(session.do(toy(session, "a")), wrong())

    _, found = drive(together(refused(), other.do(toy(session, "a"))))
    assert found.key in other.finished
    assert slow.log == ["a begins", "a ends"]


def test_after_a_request_to_stop_nothing_begins_and_running_steps_end(session: Session, slow: Slow) -> None:
    async def chain(*titles: str) -> None:
        for title in titles:
            await session.do(toy(session, title))
            if title == "a":
                session.stop.asked = True

    session.store.run(toy(session, "known"), lambda folder: None)
    with pytest.raises(Stopped):
        drive(together(chain("a", "b"), chain("c", "known", "d")))
    assert [line for line in slow.log if line.endswith("ends")] == ["a ends", "c ends"]
    assert len(session.finished) == 3
    # a step that did not begin is no failure, and can be asked for again
    assert session.failed == {}
    session.stop.asked = False
    drive(chain("b"))


def test_an_interrupt_ends_everything_at_once(session: Session) -> None:
    ended: list[str] = []

    async def other() -> None:
        try:
            await asyncio.sleep(600)
        finally:
            ended.append("other")

    async def interrupted() -> None:
        await asyncio.sleep(0)
        await session.do(toy(session, "a", Interrupted))

    programs: list[Coroutine[Any, Any, None]] = [other(), interrupted()]
    with pytest.raises(KeyboardInterrupt):
        drive(together(*programs))
    assert ended == ["other"]
    assert session.finished == {}
    # what was begun goes on later
    assert drive(session.do(toy(session, "b"))).reused is False
