"""The places at which a machine can do steps: so many steps at the same time, and accelerators that are not shared."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from fractions import Fraction
from threading import Lock
from typing import NamedTuple


class Slot(NamedTuple):
    """A place for one step, with a share of an accelerator or without one."""

    accelerator: str | None = None
    share: Fraction = Fraction(0)


class _Request(NamedTuple):
    share: Fraction
    future: Future[Slot]


class Slots:
    """Gives out at most `jobs` slots; steps that need an accelerator come first, each group in the order of asking.

    Shares of one accelerator never exceed 1. All methods may be called from any thread.
    """

    def __init__(self, jobs: int, accelerators: Sequence[str]) -> None:
        """Set up the slots, which are all free."""
        self._free = jobs
        self._left = dict.fromkeys(accelerators, Fraction(1))
        self._accelerated: deque[_Request] = deque()
        self._others: deque[_Request] = deque()
        self._lock = Lock()

    def ask(self, accelerator: bool, sharing: int = 1) -> Future[Slot]:
        """Return a future that receives a slot; `sharing` is the number of steps that may share an accelerator."""
        future: Future[Slot] = Future()
        request = _Request(Fraction(1, max(sharing, 1)), future)
        with self._lock:
            (self._accelerated if accelerator else self._others).append(request)
            self._give()
        return future

    def drop(self, future: Future[Slot]) -> None:
        """Give up a slot that was asked for, whether or not it was given."""
        if not future.cancel():
            self.release(future.result())

    def release(self, slot: Slot) -> None:
        """Free a slot."""
        with self._lock:
            self._free += 1
            if slot.accelerator is not None:
                self._left[slot.accelerator] += slot.share
            self._give()

    def _give(self) -> None:
        while self._free and self._accelerated:
            request = self._accelerated[0]
            name = max(self._left, key=self._left.__getitem__)
            if self._left[name] < request.share:
                break
            self._accelerated.popleft()
            if self._grant(request, Slot(name, request.share)):
                self._left[name] -= request.share
        while self._free and self._others:
            self._grant(self._others.popleft(), Slot())

    def _grant(self, request: _Request, slot: Slot) -> bool:
        if not request.future.set_running_or_notify_cancel():
            return False
        self._free -= 1
        request.future.set_result(slot)
        return True
