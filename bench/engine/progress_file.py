"""Reading the progress documents of a store, and the states of steps in the queue of a cluster."""

from __future__ import annotations

import json
import os
import socket
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil

QUEUE = "queue"
SILENT = 60.0
"""Seconds without a heartbeat after which a process on another machine counts as dead."""


def read_progress(path: Path) -> dict[str, Any] | None:
    """Return a progress document; None if there is none, or if it cannot be read."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    known = isinstance(document, dict) and isinstance(document.get("runs"), list)
    return document if known and isinstance(document.get("heartbeat"), int | float) else None


def alive(document: Mapping[str, Any]) -> bool:
    """Return whether the process that writes a document still works on it.

    On this machine the process is looked for; on another one, its last document must be less than a minute old.
    """
    if document.get("state") != "running":
        return False
    if document.get("host") != socket.gethostname():
        return time.time() - float(document["heartbeat"]) < SILENT
    pid = int(document.get("pid", 0))
    if pid == os.getpid():
        return True
    try:
        process = psutil.Process(pid)
        # a process that began later has the same number only by chance
        return bool(process.status() != psutil.STATUS_ZOMBIE and process.create_time() < document["started"] + 1)
    except psutil.Error:
        return False


def state_of(document: Mapping[str, Any]) -> str:
    """Return the state of a suite or run: that of its document, or `stopped` if its process is dead."""
    state = str(document.get("state", ""))
    return "stopped" if state == "running" and not alive(document) else state


def queue_states(store: Path) -> dict[str, int]:
    """Return how many steps are in each state in the queue of a cluster; empty if there is no queue."""
    found: Counter[str] = Counter()
    folder = store / QUEUE
    for path in folder.glob("*.json") if folder.is_dir() else ():
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(document, dict) and isinstance(document.get("state"), str):
            found[document["state"]] += 1
    return dict(found)
