"""Sweep a store: what no run needs is removed, next to steps that are being done."""

from __future__ import annotations

import contextlib
import shutil
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path

from bench.engine.store.checked import FOLDER as CHECKED
from bench.engine.store.lease import Lease
from bench.engine.store.survey import TRASH, Item, age_of, gone, unused

DAYS = 7
"""Days without use after which a finished step that no run refers to is swept."""
FLOOR = 3600.0
"""Seconds of use for which a finished step is kept whatever the user asks: a process that uses it may show nothing."""
_DAY = 24 * 3600


def sweepable(items: Iterable[Item], *, busy: bool, days: float = DAYS) -> list[Item]:
    """Return what may be removed: leftovers, and finished steps without use in `days` that no run refers to.

    If the store is `busy`, which means that a process works on it or that a run's document cannot be read, finished
    ones stay, because a run may need them.
    """
    found = []
    for item in items:
        if item.kind == "finished":
            if not item.runs and not busy and item.age >= max(days * _DAY, FLOOR):
                found.append(item)
        elif item.kind == "failure":
            if not item.needed or item.age >= days * _DAY:
                found.append(item)
        elif item.kind == "progress":  # `bench status` shows how the last suites and runs ended
            if not item.needed and item.age >= days * _DAY:
                found.append(item)
        elif item.kind != "running" and not item.needed:
            found.append(item)
    return found


def remove(root: Path, item: Item, busy: Callable[[str], bool]) -> bool:
    """Remove an item of a survey; return whether it was removed, which is not so if a process now needs it.

    Args:
        root: the store.
        item: what is to be removed.
        busy: returns whether a process works on the store that may need finished steps; what it does with the step of
            a key does not count, since the lease of that step is then held here.

    Raises:
        OSError: it cannot be removed.
    """
    if not item.path.exists():  # removed by another process, or with a lease of the same step
        return True
    if item.kind == "lease" and not item.path.name.startswith("."):
        return _remove_lease(root, item.key)
    if item.kind not in ("finished", "unfinished", "incoming"):
        if age_of(root, item.path) < item.age:  # written again since the survey
            return False
        _discard(item.path)
        return True
    key = item.key.partition(".")[0]
    lease = Lease(root, key)  # nobody begins the step meanwhile
    if (item.kind == "finished" and busy(key)) or not lease.acquire_now(lambda path: gone(root, path)):
        return False
    try:
        trash = _put_away(root, item, busy)
    finally:
        lease.release()
    if trash is not None:
        _discard(trash)
    return trash is not None


def _put_away(root: Path, item: Item, busy: Callable[[str], bool]) -> Path | None:
    """Rename an item, so that it is there whole or not at all; None if it stays."""
    if not item.path.exists():
        return None
    if item.kind == "finished" and unused(root, item.stage, item.key) < item.age:  # used since the survey
        return None
    trash = root / TRASH / f"{item.path.name}-{uuid.uuid4().hex[:8]}"
    trash.parent.mkdir(exist_ok=True)
    item.path.rename(trash)
    if item.kind != "finished":
        return trash
    if busy(item.key):  # a process that began a moment ago may have found it
        trash.rename(item.path)
        return None
    with contextlib.suppress(OSError):
        (root / CHECKED / item.stage / item.key).unlink()
    return trash


def _remove_lease(root: Path, key: str) -> bool:
    """Remove all files of a lease whose holder has ended; one by one, a successor would have lost its predecessors."""
    lease = Lease(root, key)
    if not lease.acquire_now(lambda path: gone(root, path)):
        return False
    lease.release()
    return True


def _discard(path: Path) -> None:
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    except FileNotFoundError:  # another process removes it too
        if path.exists():
            raise
