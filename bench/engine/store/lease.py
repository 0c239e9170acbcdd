"""Leases: one process does a step, on any file system that several machines share.

A lease is a file `<key>.<n>` that only one process can create: it writes a file of its own and links it to that name.
Its holder rewrites it every few seconds. Who waits watches the content: when it has not changed for `EXPIRY` seconds of
the watcher's own clock, or when its process is dead on the same machine, the watcher creates `<key>.<n+1>`, which again
only one can. The clocks of machines are never compared. Before a holder publishes, it creates `<key>.<n+1>` itself: if
another process was faster, it has lost its lease.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path

from bench.atomic import give_name
from bench.engine.cost import utc_now
from bench.engine.store.holder import Holder, holder_of, this_process

FOLDER = "leases"
BEAT = 5.0
"""Seconds between two heartbeats."""
EXPIRY = 60.0
"""Seconds without a heartbeat after which a lease is taken over."""
_POLL = (0.02, 1.0)  # seconds between looks at the lease of another process, first and longest
_WIDTH = 20  # of the number of heartbeats, so that a rewritten lease has the same size


class Lease:
    """The right to do the step `key`; `took_over` is the latest of those it was taken from who may wake up, if any."""

    def __init__(self, root: Path, key: str) -> None:
        """Set up a lease in the folder `leases` of a store; it is not held yet."""
        self._folder, self._key = root / FOLDER, key
        self._number, self._beats, self._confirmed = -1, 0, False
        self._holder = this_process(utc_now(), uuid.uuid4().hex)
        self.took_over: Holder | None = None

    def acquire(self, wait: Callable[[], None] | None = None) -> None:
        """Hold the lease; wait while another process does.

        Args:
            wait: called once if another process holds it.
        """
        pause, watched, since, asked = _POLL[0], (-1, b""), time.monotonic(), False
        while True:
            number, content = self._present()
            if number < 0:
                if self._create(0):
                    break
                continue
            if (number, content) != watched:
                watched, since = (number, content), time.monotonic()
            holder = holder_of(content)
            dead = holder is not None and holder.ended
            if dead or time.monotonic() - since > EXPIRY:
                if self._succeed(number, content):
                    break
                continue
            if not asked and wait is not None:
                wait()
            asked = True
            time.sleep(pause)
            pause = min(2 * pause, _POLL[1])
        _HEART.add(self)

    def acquire_now(self, gone: Callable[[Path], bool]) -> bool:
        """Hold the lease without waiting; return False if another process holds it.

        Args:
            gone: returns whether the holder that wrote a file of a lease is known to have ended.
        """
        number, content = self._present()
        free = number < 0
        held = self._create(0) if free else gone(self._path(number)) and self._succeed(number, content)
        if held:
            _HEART.add(self)
        return held

    def confirm(self) -> bool:
        """Return whether this process still holds the lease; if so, nobody takes it over within the next `EXPIRY`."""
        self._confirmed = self._is_mine(_read(self._path(self._number))) and self._create(self._number + 1)
        return self._confirmed

    def is_lost(self) -> bool:
        """Return whether another process has taken the lease over."""
        return not self._is_mine(_read(self._path(self._number))) or _read(self._path(self._number + 1)) is not None

    def release(self) -> None:
        """Give the lease back; a lost one is left to its new holder."""
        _HEART.drop(self)
        if self.is_lost():
            return
        # The number of a confirmation goes first: who sees none at 0 begins a new row of numbers, and would take one
        # above its own for that of a successor.
        own = self._number - 1 if self._confirmed else self._number
        for number in (*range(self._number, own, -1), *range(own + 1)):
            self._remove(number)

    def _present(self) -> tuple[int, bytes]:
        """Return the highest number in use, -1 if nobody holds the lease, and the content of its file."""
        number, content = -1, b""
        while (found := _read(self._path(number + 1))) is not None:
            number, content = number + 1, found
        return number, content

    def _succeed(self, number: int, content: bytes) -> bool:
        """Take the lease over from the holder of a number, whose file had this content; return whether it is ours."""
        if not self._create(number + 1):
            return False
        # who held the lease may have released it a moment ago, and another begun a new row of numbers
        if _read(self._path(number)) != content:
            self._remove(self._number)
            return False
        self.took_over = self._sleeper(number)
        return True

    def _sleeper(self, number: int) -> Holder | None:
        """Return the latest holder up to a number that is not known to have ended; its successor may have."""
        for earlier in range(number, -1, -1):
            content = _read(self._path(earlier))
            holder = None if content is None else holder_of(content)
            if content is not None and (holder is None or not holder.ended):
                return holder or self._holder
        return None

    def _create(self, number: int) -> bool:
        """Create the file of a number; return whether this process was the one that created it."""
        own = self._folder / f".{self._key}.{self._holder.token}"
        path, content = self._path(number), self._content()
        try:
            try:
                own.write_bytes(content)
            except FileNotFoundError:
                self._folder.mkdir(parents=True, exist_ok=True)
                own.write_bytes(content)
            return self._link(own, path, number)
        finally:
            with contextlib.suppress(OSError):
                own.unlink()

    def _link(self, own: Path, path: Path, number: int) -> bool:
        try:
            give_name(own, path)
        except FileExistsError:
            if not self._is_mine(_read(path)):  # over a network, the answer of a link that succeeded may be lost
                return False
        self._number = number
        return True

    def beat(self) -> None:
        """Show that the holder is alive; nothing is written to the lease of another."""
        # in place, and only in a file that is open and known to be ours: the path may belong to a successor by now
        with self._path(self._number).open("r+b", buffering=0) as handle:
            if self._is_mine(handle.read()):
                self._beats += 1
                handle.seek(0)
                handle.write(self._content())
                os.fsync(handle.fileno())

    def _content(self) -> bytes:
        return json.dumps({**self._holder._asdict(), "beats": f"{self._beats:0{_WIDTH}d}"}).encode()

    def _is_mine(self, content: bytes | None) -> bool:
        holder = None if content is None else holder_of(content)
        return holder is not None and holder.token == self._holder.token

    def _path(self, number: int) -> Path:
        return self._folder / f"{self._key}.{number}"

    def _remove(self, number: int) -> None:
        with contextlib.suppress(OSError):
            self._path(number).unlink()


def is_held(root: Path, key: str) -> bool:
    """Return whether a process does the step `key`, or died while it did."""
    return (root / FOLDER / f"{key}.0").exists()


def _read(path: Path) -> bytes | None:
    """Return the content of a lease; None if there is none."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


class _Heart:
    """One thread of this process that rewrites all leases that it holds; a thread per step would cost milliseconds."""

    def __init__(self) -> None:
        self._held: set[Lease] = set()
        self._lock = threading.Lock()
        self._running = False

    def add(self, lease: Lease) -> None:
        with self._lock:
            self._held.add(lease)
            if not self._running:
                self._running = True
                threading.Thread(target=self._watch, daemon=True, name="leases").start()

    def drop(self, lease: Lease) -> None:
        with self._lock:
            self._held.discard(lease)

    def _watch(self) -> None:
        while True:
            time.sleep(BEAT)
            with self._lock:
                held = tuple(self._held)
            for lease in held:
                with contextlib.suppress(OSError):  # the file is gone, or the disk is full: others see no heartbeat
                    lease.beat()


def _renew() -> None:
    """Give a forked process a heart of its own: threads and leases stay with its parent."""
    global _HEART
    _HEART = _Heart()


_HEART = _Heart()
if sys.platform != "win32":
    os.register_at_fork(after_in_child=_renew)
