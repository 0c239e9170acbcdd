"""The job store: finished work is found again, killed work goes on, two processes never do the same job."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from bench.digest import write_json
from bench.engine.cost import Meter
from bench.engine.job import Finished, Job
from bench.errors import BenchError

# Files of a running job that are not part of its output.
_SCRATCH = ("checkpoint.pt", "checkpoint.pt.tmp", "cost.json", "chunks")


class JobStore:
    """Folders of finished jobs under `<root>/jobs/<stage>/<key>`.

    A job works in `<key>.partial` beside its final place, with its checkpoints; when it is done, the scratch files
    are removed and the folder is renamed. The rename is the publication: a folder without `.partial` is whole.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, job: Job) -> Path:
        """Return where the job's output lies when it is finished."""
        return self.root / "jobs" / job.stage / job.key

    def find(self, job: Job) -> Finished | None:
        """Return the finished job, or None."""
        path = self.path(job)
        if not path.exists():
            return None
        return Finished(job, path, reused=True, cost=json.loads((path / "job.json").read_text())["cost"])

    def run(self, job: Job, work: Callable[[Path], None], *, wait: Callable[[], None] | None = None) -> Finished:
        """Return the finished job, doing it first where it is not there.

        `work(folder)` fills the folder; the folder may hold what an earlier, killed attempt left, which `work` must
        either go on from or overwrite. `wait` is called once if another process holds the job.
        """
        found = self.find(job)
        if found is not None:
            return found
        with self._locked(job, wait):
            found = self.find(job)
            if found is not None:
                return found
            partial = self.path(job).with_suffix(".partial")
            partial.mkdir(parents=True, exist_ok=True)
            with Meter(partial / "cost.json", device=job.device) as meter:
                work(partial)
            self._publish(job, partial, meter.total())
            return Finished(job, self.path(job), reused=False, cost=meter.total())

    @contextmanager
    def _locked(self, job: Job, wait: Callable[[], None] | None) -> Iterator[None]:
        folder = self.root / "locks"
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / f"{job.key}.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            if wait is not None:
                wait()
            lock.acquire()
        try:
            yield
        finally:
            lock.release()

    def _publish(self, job: Job, partial: Path, cost: dict[str, float]) -> None:
        for name in _SCRATCH:
            leftover = partial / name
            if leftover.is_dir():
                shutil.rmtree(leftover)
            else:
                leftover.unlink(missing_ok=True)
        write_json(partial / "job.json", {"key": job.key, "title": job.title, **job.document(), "cost": cost})
        os.replace(partial, self.path(job))


def check_writable(root: Path) -> None:
    """Raise where the store cannot be written.

    Raises:
        BenchError: the folder cannot be made or written.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
        probe = root / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise BenchError(
            f"expected a store that can be written at {root}", got=str(error), fix="choose another with --store DIR"
        ) from error
