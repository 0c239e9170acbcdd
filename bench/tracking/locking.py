"""Processes that log at the same time take turns with a database file, and ask a busy server again."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from filelock import FileLock

TRIES = 6
_BUSY = ("database is locked", "too many 500", "too many 429", "too many 503", "UNIQUE constraint failed")
_Result = TypeVar("_Result")


def lock_of(store: Path, uri: str, run: str = "") -> FileLock:
    """Return the lock to hold while writing to `uri`: that of a SQLite file, or that of one run of the store."""
    if uri.startswith("sqlite:///"):
        return FileLock(uri.removeprefix("sqlite:///") + ".lock")
    folder = store / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    return FileLock(folder / f"tracking-{run or 'all'}.lock")


def patiently(work: Callable[[], _Result], *, pause: float = 0.5) -> _Result:
    """Return the result of `work`, which is repeated from its start if the other side is only busy."""
    for attempt in range(TRIES):
        try:
            return work()
        except Exception as error:
            if attempt == TRIES - 1 or not any(words in str(error) for words in _BUSY):
                raise
            time.sleep(pause * 2**attempt)
    raise AssertionError("unreachable")
