"""What is in a store: finished entries, unfinished and broken ones, leases and other leftovers, with size and age."""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal, NamedTuple

from bench.engine.store.checked import FOLDER as CHECKED
from bench.engine.store.entry import DOCUMENT, FILES, Broken, check_content, check_sizes, listed, read_record
from bench.engine.store.holder import holder_of
from bench.engine.store.lease import EXPIRY
from bench.engine.store.lease import FOLDER as LEASES
from bench.engine.store.partial import BROKEN, SUFFIX

INCOMING = "incoming"
"""The folder of a store in which entries arrive from elsewhere."""
TRASH = "trash"
"""The folder of a store in which what is swept waits for its removal."""
_OLD_LOCK = re.compile(r"([0-9a-f]{64}|results-.+)\.lock")
Kind = Literal[
    "finished",
    "running",
    "unfinished",
    "broken",
    "lease",
    "lock",
    "mark",
    "incoming",
    "trash",
    "failure",
    "queue",
    "progress",
]


class Item(NamedTuple):
    """One folder or file of a store; `age` in seconds since its last use, `runs` are those that refer to it.

    A record of a failure, a queue or a driver is `needed` while its step is not finished, its job or driver not ended.
    """

    kind: Kind
    stage: str
    key: str
    path: Path
    size: int
    age: float
    runs: tuple[str, ...] = ()
    needed: bool = False


class Verdict(NamedTuple):
    """Whether a finished entry is whole: `reason` is empty if so; `hashed` is False for entries of older versions."""

    stage: str
    key: str
    path: Path
    reason: str
    hashed: bool


def survey(root: Path, referred: Mapping[str, tuple[str, ...]]) -> list[Item]:
    """Return everything in a store that steps have left there; nothing is written.

    Args:
        root: the store.
        referred: the runs that refer to a finished step, by its key.
    """
    live = live_keys(root)
    found = [*_entries(root, referred, live), *_leftovers(root, live)]
    return sorted(found, key=lambda item: (item.kind, item.stage, item.key, item.path.name))


def live_keys(root: Path) -> set[str]:
    """Return the keys of steps whose lease belongs to a process that may be running."""
    keys = set()
    for path in files(root / LEASES):
        key = path.name.partition(".")[0]
        if key and not gone(root, path):  # without a key, it is the name of a lease that is being made
            keys.add(key)
    return keys


def gone(root: Path, path: Path) -> bool:
    """Return whether the holder that wrote a file of a lease has ended, or has released it.

    A lease of another machine counts as live until it has not been rewritten for ten times its expiry, by the clock of
    the file system.
    """
    try:
        holder, age = holder_of(path.read_bytes()), _now(root) - path.stat().st_mtime
    except OSError:
        return True
    return holder.ended if holder is not None and holder.is_local else age >= 10 * EXPIRY


def finished(root: Path) -> Iterator[tuple[str, str, Path]]:
    """Yield stage, key and folder of every finished entry, in order."""
    for stage in folders(root / "jobs"):
        for path in folders(stage):
            if not path.name.endswith(SUFFIX):
                yield stage.name, path.name, path


def verify(root: Path) -> Iterator[Verdict]:
    """Read every finished entry whole and yield whether it is as its record says; nothing is written."""
    for stage, key, path in finished(root):
        hashed = False
        try:
            record = read_record(path, stage, key)
            hashed = FILES in record
            check_sizes(record, listed(path))
            check_content(path, record)
            reason = ""
        except Broken as broken:
            reason = str(broken)
        except OSError as error:
            reason = f"{error.filename} cannot be read ({error.strerror})"
        yield Verdict(stage, key, path, reason, hashed)


def distrust(root: Path, verdict: Verdict) -> None:
    """Forget that an entry was once found whole, so that the next run that needs it makes it again."""
    with contextlib.suppress(OSError):
        (root / CHECKED / verdict.stage / verdict.key).unlink()


def unused(root: Path, stage: str, key: str) -> float:
    """Return the seconds since a finished entry was made or found, to within `REFRESH` of the marks in `checked/`."""
    path = root / "jobs" / stage / key
    return min(age_of(root, path), age_of(root, path / DOCUMENT), age_of(root, root / CHECKED / stage / key))


def size_of(path: Path) -> int:
    """Return the bytes of a file, or of all files below a folder; what disappears meanwhile counts as 0."""
    try:
        if not path.is_dir() or path.is_symlink():
            return path.lstat().st_size
    except OSError:
        return 0
    return sum(size_of(Path(folder) / name) for folder, _, names in os.walk(path) for name in names)


def _entries(root: Path, referred: Mapping[str, tuple[str, ...]], live: set[str]) -> Iterator[Item]:
    for stage in folders(root / "jobs"):
        for path in folders(stage):
            key = path.name.partition(".")[0]
            if path.name.endswith(SUFFIX):
                kind: Kind = "running" if key in live else "unfinished"
                yield Item(kind, stage.name, key, path, size_of(path), age_of(root, path))
            else:
                age = unused(root, stage.name, key)
                yield Item("finished", stage.name, key, path, size_of(path), age, referred.get(key, ()))


def _leftovers(root: Path, live: set[str]) -> Iterator[Item]:
    for stage in folders(root / BROKEN):
        for path in sorted(stage.iterdir()):
            yield Item("broken", stage.name, path.name.partition("-")[0], path, size_of(path), age_of(root, path))
    for path in files(root / LEASES):
        key = path.name.removeprefix(".").partition(".")[0]
        if key not in live and not (path.name.startswith(".") and age_of(root, path) < EXPIRY):
            yield Item("lease", "", key, path, size_of(path), age_of(root, path))
    for path in files(root / "locks"):
        if _OLD_LOCK.fullmatch(path.name):  # of versions that locked files; others are in use
            yield Item("lock", "", path.stem, path, size_of(path), age_of(root, path))
    for stage in folders(root / CHECKED):
        for path in files(stage):
            if not (root / "jobs" / stage.name / path.name).exists() and age_of(root, path) > EXPIRY:
                yield Item("mark", stage.name, path.name, path, size_of(path), age_of(root, path))
    for folder, kind in ((INCOMING, "incoming"), (TRASH, "trash")):
        for path in folders(root / folder):
            if kind == "trash" or path.name.partition(".")[0] not in live:
                yield Item("trash" if kind == "trash" else "incoming", "", path.name, path, size_of(path),
                           age_of(root, path))  # fmt: skip


def folders(path: Path) -> list[Path]:
    """Return the folders in a folder in order; none if it does not exist."""
    return sorted(one for one in path.iterdir() if one.is_dir()) if path.is_dir() else []


def files(path: Path) -> list[Path]:
    """Return the files in a folder in order; none if it does not exist."""
    return sorted(one for one in path.iterdir() if one.is_file()) if path.is_dir() else []


def age_of(root: Path, path: Path) -> float:
    """Return the seconds since a path was changed; infinity if it does not exist."""
    try:
        return max(0.0, _now(root) - path.stat().st_mtime)
    except OSError:
        return float("inf")


_CLOCKS: dict[Path, float] = {}


def _now(root: Path) -> float:
    """Return the present by the clock of the store's file system, or by ours if the store cannot be written."""
    if root not in _CLOCKS:
        probe = root / f".clock.{os.getpid()}"
        try:
            probe.touch()
            _CLOCKS[root] = probe.stat().st_mtime - time.time()
            probe.unlink()
        except OSError:
            _CLOCKS[root] = 0.0
    return time.time() + _CLOCKS[root]
