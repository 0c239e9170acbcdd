"""Sweep a store: what no run needs is removed, next to steps that are being done."""

from __future__ import annotations

import contextlib
import shutil
import uuid
from collections.abc import Iterable
from pathlib import Path

from bench.engine.store.checked import FOLDER as CHECKED
from bench.engine.store.lease import Lease
from bench.engine.store.survey import TRASH, Item, live_keys

DAYS = 7
"""Days without use after which a finished step that no run refers to is swept."""
_DAY = 24 * 3600


def sweepable(items: Iterable[Item], *, busy: bool, days: float = DAYS) -> list[Item]:
    """Return what may be removed: leftovers, and finished steps without use in `days` that no run refers to.

    If the store is `busy`, which means that a step is running or a run's document cannot be read, finished ones stay,
    because a run may need them.
    """
    found = []
    for item in items:
        if item.kind == "finished":
            if not item.runs and not busy and item.age >= days * _DAY:
                found.append(item)
        elif item.kind != "running":
            found.append(item)
    return found


def remove(root: Path, item: Item) -> bool:
    """Remove an item of a survey; return whether it was removed, which is not so if a step now works on it.

    Raises:
        OSError: it cannot be removed.
    """
    if item.kind not in ("finished", "unfinished", "incoming"):
        _discard(item.path)
        return True
    key = item.key.partition(".")[0]
    if key in live_keys(root):
        return False
    lease = Lease(root, key)  # nobody begins the step meanwhile
    lease.acquire()
    try:
        if not item.path.exists():
            return False
        # renamed first: an entry is there whole, or is not there
        trash = root / TRASH / f"{item.path.name}-{uuid.uuid4().hex[:8]}"
        trash.parent.mkdir(exist_ok=True)
        item.path.rename(trash)
        if item.kind == "finished":
            with contextlib.suppress(OSError):
                (root / CHECKED / item.stage / item.key).unlink()
    finally:
        lease.release()
    _discard(trash)
    return True


def _discard(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
