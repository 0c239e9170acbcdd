"""Who holds a lease: a process of a machine, and whether it is known to have ended."""

from __future__ import annotations

import json
import os
import socket
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import psutil


class Holder(NamedTuple):
    """A process that holds a lease: `machine` differs between hosts, boots and containers; `started` is in ticks."""

    machine: str
    host: str
    pid: int
    started: str
    since: str = ""
    token: str = ""

    @property
    def ended(self) -> bool:
        """Whether the process is known to have ended; False for a process of another machine."""
        return self.is_local and started(self.pid) not in (self.started, None)

    @property
    def is_local(self) -> bool:
        """Whether the process is one of this machine."""
        return self.machine == machine()

    def __str__(self) -> str:
        """Return process and host in words."""
        return f"process {self.pid} on {self.host}, since {self.since}"


def this_process(since: str, token: str) -> Holder:
    """Return the holder that this process is."""
    return Holder(machine(), socket.gethostname(), os.getpid(), started(os.getpid()) or "", since, token)


def holder_of(content: bytes) -> Holder | None:
    """Return the holder in a lease's file; None if it was cut off."""
    try:
        values: Any = json.loads(content)
        return Holder(*(values[name] for name in Holder._fields))
    except (ValueError, KeyError, TypeError):
        return None


@cache
def machine() -> str:
    """Return what distinguishes this machine, its present boot and this container from others."""
    parts = [socket.gethostname()]
    for path, read in (("/proc/sys/kernel/random/boot_id", _text), ("/proc/self/ns/pid", os.readlink)):
        try:
            parts.append(read(path).strip())
        except OSError:  # not Linux
            parts.append("")
    return " ".join(parts)


def started(pid: int) -> str | None:
    """Return when a process started, on a clock that nobody sets; empty for one that has ended.

    None for one that exists and cannot be seen: clusters often hide the processes of other users (`hidepid` of /proc).
    """
    try:
        # the name of the process stands in brackets and may contain spaces
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        return "" if fields[0] in "ZX" else fields[19]
    except (FileNotFoundError, ProcessLookupError):
        if Path("/proc/self/stat").exists():
            return None if _exists(pid) else ""
    except PermissionError:
        return None
    try:
        found = psutil.Process(pid)
        return "" if found.status() == psutil.STATUS_ZOMBIE else f"{found.create_time():.0f}"
    except psutil.AccessDenied:
        return None
    except psutil.Error:
        return ""


def _exists(pid: int) -> bool:
    """Return whether there is a process of a number, by a signal that does nothing."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # it is that of another user
        pass
    return True


def _text(path: str) -> str:
    return Path(path).read_text(encoding="ascii")
