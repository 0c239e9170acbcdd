"""Records of steps that wait or run in the queue of a cluster: `<store>/queue/<key>.json`, one file per step.

They outlive the process that sent the steps: the next one finds them and awaits the jobs. Any process may read them.
"""

from __future__ import annotations

import json
import os
import socket
import time
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.atomic import give_name
from bench.engine.store.holder import machine, started

FOLDER = "queue"
SUBMITTING = "submitting"
# A driver that cannot be seen from here and has not named the job of a step for so long is taken for dead.
_STALE_SECONDS = 300.0


@dataclass(frozen=True)
class Queued:
    """A step in a queue.

    `job` is the id that the cluster gave (empty while the step is `submitting`), `batch` the name of the array and
    `index` the step's number in it, `state` what the queue says in lower case, `since` when that state was first seen
    and `sent` when the step was sent (seconds of the epoch), `attempt` how often it was sent before, `machine`, `pid`
    and `started` the driver (see `bench.engine.store.holder`), `log` the file of the job's own messages.
    """

    key: str
    stage: str
    title: str
    batch: str
    index: int
    attempt: int
    sent: float
    job: str = ""
    state: str = SUBMITTING
    since: float = 0.0
    machine: str = ""
    host: str = ""
    pid: int = 0
    started: str = ""
    log: str = ""

    @property
    def abandoned(self) -> bool:
        """Whether the driver died before it knew the job."""
        if self.job:
            return False
        found = started(self.pid) if self.machine == machine() else None
        if found is None:
            return time.time() - self.sent > _STALE_SECONDS
        return not found or found != self.started


def folder(store_root: Path) -> Path:
    """Return the folder of the records of a store."""
    return store_root / FOLDER


def claim(store_root: Path, record: Queued, *, over: bool = False) -> bool:
    """Write the first record of a step, in the name of this process; false if there is one already.

    Args:
        store_root: the store.
        record: the record.
        over: replace the one that is there.
    """
    path = _path(store_root, record.key)
    path.parent.mkdir(parents=True, exist_ok=True)
    driver = {"machine": machine(), "host": socket.gethostname(), "pid": os.getpid(), "started": started(os.getpid())}
    temporary = _written(path, asdict(record) | driver | {"since": time.time()})
    try:
        if over:
            os.replace(temporary, path)
        else:
            give_name(temporary, path)
    except FileExistsError:
        return False
    finally:
        temporary.unlink(missing_ok=True)
    return True


def update(store_root: Path, record: Queued) -> None:
    """Write a record over the one that is there."""
    path = _path(store_root, record.key)
    os.replace(_written(path, asdict(record)), path)


def read(store_root: Path, key: str) -> Queued | None:
    """Return the record of a step; None if there is none."""
    return _read(_path(store_root, key))


def read_all(store_root: Path) -> list[Queued]:
    """Return all records of a store, in the order in which the steps were sent."""
    found = (_read(path) for path in folder(store_root).glob("*.json"))
    return sorted((one for one in found if one is not None), key=lambda one: (one.sent, one.batch, one.index))


def remove(store_root: Path, key: str) -> None:
    """Remove the record of a step, if there is one."""
    _path(store_root, key).unlink(missing_ok=True)


def _path(store_root: Path, key: str) -> Path:
    return folder(store_root) / f"{key}.json"


def _written(path: Path, value: Mapping[str, object]) -> Path:
    temporary = path.with_name(f".{path.stem}.{uuid.uuid4().hex[:8]}.tmp")
    temporary.write_text(json.dumps(value), encoding="utf-8")
    return temporary


def _read(path: Path) -> Queued | None:
    try:
        return Queued(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, RecursionError):  # removed meanwhile, or of another version
        return None
