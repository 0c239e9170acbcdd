"""A program that runs another one: it keeps its output within limits, and nothing that it started outlives it.

It is started by its path, without our packages, and reads its order as one line of JSON from standard input. The
end of standard input tells it that its caller is gone. It answers with one line of JSON.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

PIECE = 1 << 16
POLL = 0.25
"""Seconds between looks at the processes where orphans do not become ours."""
LAST = 10.0
"""Seconds for processes to disappear after they were killed, and for the rest of their output."""
_SET_CHILD_SUBREAPER = 36


class CappedLog:
    """Appends to a file the first `head` and the last `tail` bytes of an output; what is between them is dropped.

    The last bytes are written in a circle behind the first ones, and put into order at the end, so that neither the
    file nor the memory grows.
    """

    def __init__(self, path: Path, head: int, tail: int) -> None:
        """Append to `path`."""
        self._file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o644), "r+b", buffering=0)
        self._head, self._tail = head, tail
        self._base = self._file.seek(0, os.SEEK_END)
        self.size = 0
        self.fault = ""

    @property
    def dropped(self) -> int:
        """Number of bytes that are not kept."""
        return max(0, self.size - self._head - self._tail)

    def write(self, piece: bytes) -> None:
        """Add a piece of the output; if the disk is full, the program must still not wait for us."""
        while piece and not self.fault:
            in_head = self.size < self._head
            place = self.size if in_head else self._head + (self.size - self._head) % self._tail
            room = self._head - place if in_head else self._head + self._tail - place
            try:
                self._file.seek(self._base + place)
                written = self._file.write(piece[:room])
            except OSError as error:
                self.fault = str(error)
                return
            self.size += written
            piece = piece[written:]

    def close(self) -> None:
        """Put the last bytes into order, and say between the first and the last how many are missing."""
        with self._file, contextlib.suppress(OSError):
            if self.dropped and not self.fault:
                oldest = (self.size - self._head) % self._tail
                self._file.seek(self._base + self._head)
                ring = self._file.read(self._tail)
                self._file.seek(self._base + self._head)
                self._file.write(f"\n[... {self.dropped} bytes of output are not kept ...]\n".encode())
                self._file.write(ring[oldest:] + ring[:oldest])


class Family:
    """The processes below this one."""

    def __init__(self) -> None:
        """Adopt orphans, where the system can do that; elsewhere, remember every process that was seen."""
        self.adopts = _become_subreaper()
        self._seen: set[psutil.Process] = set()
        self._statuses: dict[int, int] = {}

    def look(self) -> None:
        """Remember the processes that are there now, unless their orphans become ours anyway."""
        if not self.adopts:
            self._seen.update(_children())

    def status(self, process: int) -> int | None:
        """Bury whatever has ended, and return the exit code of one process: negative for a signal, None if it runs."""
        with contextlib.suppress(ChildProcessError):
            while True:
                number, status = os.waitpid(-1, os.WNOHANG)
                if number == 0:
                    break
                self._statuses[number] = os.waitstatus_to_exitcode(status)
        return self._statuses.get(process)

    def end(self) -> None:
        """Kill all processes, with those that they start meanwhile."""
        last = time.monotonic() + LAST
        while time.monotonic() < last:
            self.status(0)
            left = [one for one in {*_children(), *self._seen} if _runs(one)]
            if not left:
                return
            for one in left:
                with contextlib.suppress(psutil.Error):
                    one.kill()
            time.sleep(0.02)


def supervise(order: dict[str, Any]) -> dict[str, Any]:
    """Run a program to its end, its time limit or that of the caller, and return how it ended."""
    family = Family()
    log = CappedLog(Path(order["log"]), order["head"], order["tail"])
    try:
        program = subprocess.Popen(
            order["arguments"],
            cwd=order["directory"],
            env=order["environment"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        log.close()
        return {"failed": error.strerror or str(error)}
    assert program.stdout is not None
    output = program.stdout.fileno()
    os.set_blocking(output, False)
    ended = "stopped"
    try:
        ended = _watch(program.pid, output, log, family, order["limit"])
        if ended == "limit":
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(program.pid, signal.SIGTERM)
            _watch(program.pid, output, log, family, order["grace"])
    finally:
        family.end()
        code = family.status(program.pid)
        program.returncode = -signal.SIGKILL if code is None else code
        _drain(output, log)
        log.close()
    return {"ended": ended, "code": program.returncode, "dropped": log.dropped, "fault": log.fault}


def _watch(program: int, output: int, log: CappedLog, family: Family, limit: float) -> str:
    """Copy the output until the program ends; return why it is over: `exit`, `limit` or `stopped`."""
    last = time.monotonic() + limit
    with selectors.DefaultSelector() as selector:
        selector.register(output, selectors.EVENT_READ)
        selector.register(sys.stdin.fileno(), selectors.EVENT_READ)
        while True:
            left = last - time.monotonic()
            if left <= 0:
                return "limit"
            for key, _ in selector.select(min(left, POLL)):
                if key.fd != output:
                    if not os.read(key.fd, PIECE):
                        return "stopped"
                elif not _copy(output, log):
                    selector.unregister(output)
            family.look()
            if family.status(program) is not None:
                return "exit"


def _copy(output: int, log: CappedLog) -> bool:
    """Copy one piece of the output; return whether there may be more."""
    try:
        piece = os.read(output, PIECE)
    except BlockingIOError:
        return True
    log.write(piece)
    return bool(piece)


def _drain(output: int, log: CappedLog) -> None:
    """Copy what is left in the pipe once nobody writes to it any more."""
    last = time.monotonic() + LAST
    while time.monotonic() < last:
        try:
            piece = os.read(output, PIECE)
        except BlockingIOError:
            return
        if not piece:
            return
        log.write(piece)


def _children() -> Iterator[psutil.Process]:
    with contextlib.suppress(psutil.Error):
        yield from psutil.Process().children(recursive=True)


def _runs(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def _become_subreaper() -> bool:
    """Have orphans below this process become its children; return whether the system can do that (Linux)."""
    try:
        return bool(ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)
    except (OSError, AttributeError, TypeError):
        return False


def main() -> None:
    """Read the order, carry it out, and answer."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))  # what is running is killed on the way out
    print(json.dumps(supervise(json.loads(sys.stdin.buffer.readline()))), flush=True)


if __name__ == "__main__":
    main()
