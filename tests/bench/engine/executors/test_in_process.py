"""Steps of this process: the programs continue between two of them, also where all were asked for at once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from bench.engine.context import Run
from bench.engine.progress import RunProgress
from bench.engine.session import Session, drive, together
from bench.engine.step import Finished
from bench.errors import ConfigError
from tests.bench.engine.toy_steps import Faulty, Refused, Toy

_SEEN: list[dict[str, int]] = []


@dataclass(frozen=True, kw_only=True, eq=False)
class Looks(Toy):
    """Looks at the progress of the run while it is done."""

    progress: RunProgress

    def run(self, folder: Path, context: Run) -> None:
        _SEEN.append(self.progress.document()["counts"]["fit"])
        super().run(folder, context)


async def nested(session: Session, step: Toy, depth: int = 5) -> Finished:
    if depth:
        (done,) = await together(nested(session, step, depth - 1))
        return done
    return await session.do(step)


def test_the_progress_of_a_step_is_known_before_the_next_begins(session: Session) -> None:
    progress = session.progress = RunProgress("run")
    _SEEN.clear()
    steps = [Looks(place=session.numeric, title=f"{n}", settings={"n": n}, progress=progress) for n in range(3)]
    drive(together(*(nested(session, step) for step in steps)))
    assert _SEEN == [{"waiting": 2, "running": 1}, {"waiting": 1, "running": 1, "done": 1}, {"running": 1, "done": 2}]


def test_a_wrong_request_cancels_the_steps_after_it(session: Session) -> None:
    later = Toy(place=session.numeric, title="later")
    refused = Refused(place=session.numeric, title="refused", settings={"b": 2})
    with pytest.raises(ConfigError, match="another step"):
        drive(together(nested(session, refused), nested(session, later)))
    assert session.store.find(later) is None


def test_a_failed_step_is_said_before_the_next_begins(session: Session) -> None:
    progress = session.progress = RunProgress("run")
    _SEEN.clear()
    faulty = Faulty(place=session.numeric, title="faulty", settings={"b": 2})
    later = Looks(place=session.numeric, title="later", progress=progress)
    with pytest.raises(ZeroDivisionError):
        drive(together(nested(session, faulty), nested(session, later)))
    assert _SEEN == [{"running": 1, "failed": 1}]
    assert session.store.find(later) is not None


def test_an_executor_outlives_its_event_loop(session: Session) -> None:
    for number in range(2):
        steps = [Toy(place=session.numeric, title="a", settings={"n": n, "round": number}) for n in range(2)]
        drive(together(*(session.do(step) for step in steps)))
    assert len(session.finished) == 4
