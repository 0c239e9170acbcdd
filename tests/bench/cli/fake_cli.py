"""The command line over runs of fake steps: `python -m tests.bench.cli.fake_cli ARGUMENTS`.

Each run has two chains of three steps that each take `FAKE_SECONDS`; nothing is published.
"""

from __future__ import annotations

import os
from typing import Any

import bench.cli
import bench.cli.leaderboard
import bench.run.pipeline
from bench.engine.session import Session, together
from bench.run.outcome import Outcome
from bench.run.resolve import Resolved
from tests.bench.engine.toy_steps import Faulty, Slow


async def work(session: Session, resolved: Resolved) -> None:
    async def chain(name: str) -> None:
        for number in range(3):
            title = f"{resolved.subject.name} {name}{number}"
            kind = Faulty if f"{name}{number}" in os.environ.get("FAKE_FAILURES", "").split() else Slow
            settings: dict[str, Any] = {"title": title, "seconds": float(os.environ.get("FAKE_SECONDS", "0"))}
            await session.do(kind(place=session.numeric, title=title, settings=settings))

    await together(chain("a"), chain("b"))


def publish(session: Session, resolved: Resolved, *_: object) -> Outcome:
    request, count = resolved.request, len(session.finished)
    return Outcome(request.store, "0" * 16, request.dataset, "tiny", session.reused, count)


def main() -> None:
    bench.run.pipeline.work = work  # type: ignore[assignment]
    bench.run.pipeline.publish = publish
    bench.cli.leaderboard.show = lambda *_, **__: None  # type: ignore[assignment]
    bench.cli.main()


if __name__ == "__main__":
    main()
