"""Sessions: each step once, several at a time, the first error ends the others, a look goes as far as it can."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from bench.engine.session import Parked, Session, drive, together
from bench.engine.step import Finished, Step
from bench.errors import ConfigError
from tests.bench.engine.toy_steps import Interrupted, Refused, Toy


class Slow:
    """An executor under which every step takes turns with the others; `log` says what began and ended."""

    def __init__(self) -> None:
        self.log: list[str] = []

    async def run(self, step: Step, session: Session) -> Finished:
        self.log.append(f"{step.title} begins")
        for _ in range(3):
            await asyncio.sleep(0)
        if isinstance(step, Refused):
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


def test_the_first_error_ends_the_others(session: Session, slow: Slow, capsys: pytest.CaptureFixture[str]) -> None:
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
