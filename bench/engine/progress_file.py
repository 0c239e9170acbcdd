"""Reading the progress documents of a store, and the states of steps in the queue of a cluster."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.engine.store.holder import machine, started

QUEUE = "queue"
SILENT = 60.0
"""Seconds without a heartbeat after which a process that cannot be seen from here counts as dead."""
_NUMBER = (int, float)
_Kinds = Mapping[str, type | tuple[type, ...]]
_HEAD: _Kinds = {
    **{"name": str, "state": str, "host": str, "pid": int},
    **{"started": _NUMBER, "heartbeat": _NUMBER, "runs": list},
}
_RUN: _Kinds = {"label": str, "state": str, "counts": dict, "running": list, "failed": list}


def read_progress(path: Path) -> dict[str, Any] | None:
    """Return a progress document; None if there is none, or if it cannot be read."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return document if _has(document, _HEAD) and all(_has(run, _RUN) for run in document["runs"]) else None


def _has(value: Any, kinds: _Kinds) -> bool:
    return isinstance(value, dict) and all(isinstance(value.get(name), kind) for name, kind in kinds.items())


def alive(document: Mapping[str, Any]) -> bool:
    """Return whether the process that writes a document still works on it.

    On this machine the process is looked for; if it cannot be seen, such as one of another machine, its last document
    must be less than a minute old.
    """
    if document.get("state") != "running":
        return False
    found = started(document["pid"]) if document.get("machine") == machine() else None
    if found is None:
        return time.time() - float(document["heartbeat"]) < SILENT
    # a process that began later has the same number only by chance
    return found != "" and found == document.get("process")


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
        except (OSError, ValueError, RecursionError):
            continue
        if isinstance(document, dict) and isinstance(document.get("state"), str):
            found[document["state"]] += 1
    return dict(found)
