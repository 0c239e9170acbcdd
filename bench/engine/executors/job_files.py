"""The files of jobs, `<store>/queue/jobs/<batch>/`: pickles of steps and results, and logs."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from bench.engine.executors import records
from bench.engine.executors.records import Queued

FOLDER = "jobs"


def folder(store_root: Path, batch: str) -> Path:
    """Return the folder of an array of jobs."""
    return records.folder(store_root) / FOLDER / batch


def result_name(job: str) -> str:
    """Return the name of the file in which a job leaves its result."""
    return f"{job}_0_result.pkl"


def log(store_root: Path, batch: str, job: str) -> str:
    """Return the path of a job's own messages."""
    return str(folder(store_root, batch) / f"{job}_0_log.err")


def names(of: Path) -> frozenset[str]:
    """Return the names of the files of a folder; none if it is not there."""
    try:
        return frozenset(path.name for path in of.iterdir())
    except OSError:
        return frozenset()


def clean(store_root: Path, record: Queued, *, keep_log: bool) -> None:
    """Remove what a job left, its log only if it is not kept, and the folder of its array if nothing else is in it."""
    place = folder(store_root, record.batch)
    for name in names(place):
        of_job = name.startswith((f"{record.job}_0_", f"{record.job}_submitted"))
        if of_job and not (keep_log and name.endswith((".err", ".out"))):
            (place / name).unlink(missing_ok=True)
    if not any(name.endswith((".pkl", ".err", ".out")) for name in names(place)):
        shutil.rmtree(place, ignore_errors=True)


def recover(store_root: Path, record: Queued) -> Queued | None:
    """Return the record, with its job, of a step whose driver died while it sent an array.

    None if the step must be sent again; its record is then removed.
    """
    array = next((one.job.partition("_")[0] for one in of_batch(store_root, record.batch) if "_" in one.job), "")
    job = f"{array}_{record.index}"
    if array and (folder(store_root, record.batch) / f"{job}_submitted.pkl").exists():
        found = replace(record, job=job, state="pending", log=log(store_root, record.batch, job))
        records.update(store_root, found)
        return found
    records.remove(store_root, record.key)
    return None


def sweep(store_root: Path) -> None:
    """Remove records and files of steps that were finished when no driver awaited them any more."""
    for record in records.read_all(store_root):
        if record.job and (store_root / "jobs" / record.stage / record.key).exists():
            records.remove(store_root, record.key)
            clean(store_root, record, keep_log=False)


def of_batch(store_root: Path, batch: str) -> list[Queued]:
    """Return the records of an array whose jobs are known."""
    return [one for one in records.read_all(store_root) if one.batch == batch and one.job]
