"""Stopping: Ctrl-C once stops after the running steps, Ctrl-C again or SIGTERM immediately."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

STOPPING = "stopping after the running steps; press Ctrl-C again to stop now"


class Parked(Exception):  # noqa: N818  # not an error: a program that does no work stops here
    """Raised for a step that is not in the store if no work may be done."""


class Stopped(Parked):
    """Raised for a step that may not begin, because the user asked to stop."""


class Stop:
    """Whether the user asked to stop: then no further step begins."""

    def __init__(self) -> None:
        """Nobody asked yet."""
        self.asked = False

    def check(self, title: str) -> None:
        """Refuse to begin a step if the user asked to stop.

        Raises:
            Stopped: the user asked to stop.
        """
        if self.asked:
            raise Stopped(title)


@contextmanager
def interrupts(stop: Stop, say: Callable[[str], None]) -> Iterator[None]:
    """Let Ctrl-C ask for a stop during the block; a second Ctrl-C, or SIGTERM, raises `KeyboardInterrupt`.

    In a thread other than the main one, which receives no signals, nothing is changed.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    own = os.getpid()

    def received(number: int, _: FrameType | None) -> None:
        if os.getpid() != own:  # a forked child, such as a loader of data, which its parent ends
            return
        if number == signal.SIGINT and not stop.asked:
            stop.asked = True
            # the signal may have come in the middle of a write to the same stream
            threading.Thread(target=say, args=(STOPPING,)).start()
            return
        stop.asked = True
        raise KeyboardInterrupt

    before = {number: signal.signal(number, received) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
