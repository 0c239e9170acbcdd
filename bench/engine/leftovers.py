"""What failed steps and drivers leave in a store: records of failures, of queues and of progress; and who is alive."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.engine import failures, progress
from bench.engine.executors import job_files, records
from bench.engine.executors.clusters import ALIVE, OnSlurm
from bench.engine.executors.records import Queued
from bench.engine.progress_file import alive, read_progress
from bench.engine.store.holder import machine
from bench.engine.store.lease import EXPIRY
from bench.engine.store.survey import Item, age_of, files, folders, live_keys, size_of
from bench.engine.store.sweep import DAYS

_SILENT = DAYS * 24 * 3600
"""Seconds without news after which a job counts as ended, if no cluster can be asked."""


def leftovers(root: Path) -> list[Item]:
    """Return the records of failures, queues and progress in a store; nothing is written.

    A cluster is asked, if this machine has one, whether the jobs still exist that no driver awaits.
    """
    return [*_failures(root), *_queue(root), *_progress(root)]


def working(root: Path, besides: str = "") -> bool:
    """Return whether a process may be working on the store: one does a step, a driver is alive, or a job waits.

    Args:
        root: the store.
        besides: the key of a step whose lease does not count.
    """
    if live_keys(root) - {besides} or _drivers(root):
        return True
    return bool(records.folder(root).is_dir() and waiting(root))


def waiting(root: Path) -> list[Queued]:
    """Return the records of steps in queues that a driver or a job may still need."""
    driven = _drivers(root)
    known = [one for one in records.read_all(root) if driven or not _is_over(root, one)]
    return known if driven else _alive(root, known)


def _alive(root: Path, known: Sequence[Queued]) -> list[Queued]:
    """Return the records whose jobs have not ended."""
    jobs = [one.job for one in known if one.job]
    states = OnSlurm(0).states(jobs) if jobs and shutil.which("sacct") else None
    live = live_keys(root)

    def is_alive(one: Queued) -> bool:
        if one.key in live or not one.job:
            return True
        if states is not None and one.job in states:
            return states[one.job] in ALIVE
        return age_of(root, records.folder(root) / f"{one.key}.json") < _SILENT

    return [one for one in known if is_alive(one)]


def _is_over(root: Path, one: Queued) -> bool:
    """Return whether a step is finished, or its driver died before it sent it."""
    return one.abandoned or (root / "jobs" / one.stage / one.key).exists()


def _failures(root: Path) -> Iterator[Item]:
    for path in folders(root / failures.FOLDER):
        done = any((stage / path.name).exists() for stage in folders(root / "jobs"))
        yield Item("failure", "", path.name, path, size_of(path), age_of(root, path), needed=not done)


def _queue(root: Path) -> Iterator[Item]:
    place = records.folder(root)
    if not place.is_dir():
        return
    needed = waiting(root)
    keys, batches = {one.key for one in needed}, {one.batch for one in needed}
    for path in files(place):
        half = path.name.startswith(".") and age_of(root, path) < EXPIRY
        yield Item("queue", "", path.stem, path, size_of(path), age_of(root, path), needed=half or path.stem in keys)
    for path in folders(place / job_files.FOLDER):
        # a driver makes the folder before the records name it, and the messages of failed jobs are kept for a while
        needs = path.name in batches or age_of(root, path) < _SILENT
        yield Item("queue", "", path.name, path, size_of(path), age_of(root, path), needed=needs)


def _progress(root: Path) -> Iterator[Item]:
    for path in files(root / progress.FOLDER):
        age = age_of(root, path)
        needed = _driven(root, path) or (path.name.startswith(".") and age < EXPIRY)
        yield Item("progress", "", path.stem, path, size_of(path), age, needed=needed)


def _driven(root: Path, path: Path) -> bool:
    """Return whether a file is the progress document of a driver that may be alive, by the file system's clock."""
    document = None if path.name.startswith(".") else read_progress(path)
    if document is None or document.get("state") != "running":
        return False
    elsewhere = document.get("machine") != machine()
    return alive(document) or (elsewhere and age_of(root, path) < 10 * EXPIRY)


def _drivers(root: Path) -> bool:
    return any(_driven(root, path) for path in files(root / progress.FOLDER))
