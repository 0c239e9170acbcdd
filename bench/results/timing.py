"""When the steps of a run were done, and how long they took."""

from __future__ import annotations

from bench.contract import Settings


class Timing(Settings):
    """One step: ISO times in UTC, empty if an older version did it; `seconds` is the work of all attempts together.

    `reused` says that the step was in the store before the run needed it.
    """

    stage: str
    title: str = ""
    started: str = ""
    ended: str = ""
    seconds: float = 0.0
    reused: bool = False
