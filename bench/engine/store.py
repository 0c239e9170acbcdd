"""The store: finished work is reused, killed work continues, and two processes never do the same step."""

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
from bench.engine.step import Finished, Step
from bench.errors import BenchError

DOCUMENT = "job.json"
"""The file of a finished step that says how it was made."""
# Files of a running step that are not part of its output.
_SCRATCH = ("checkpoint.pt", "checkpoint.pt.tmp", "cost.json", "chunks")


class Store:
    """Folders of finished steps under `<root>/jobs/<stage>/<key>`.

    A step works in `<key>.partial`, next to its final folder, with its checkpoints; when it is done, the scratch files
    are removed and the folder is renamed. A folder without `.partial` is therefore complete.
    """

    def __init__(self, root: Path) -> None:
        """Use the folder `root`; nothing is created yet."""
        self.root = root

    def path(self, step: Step) -> Path:
        """Return the folder of the step's output once it is finished."""
        return self.root / "jobs" / step.stage / step.key

    def find(self, step: Step) -> Finished | None:
        """Return the finished step; None if it is not in the store."""
        path = self.path(step)
        if not path.exists():
            return None
        cost = json.loads((path / DOCUMENT).read_text(encoding="utf-8"))["cost"]
        return Finished(step.key, step.stage, path, reused=True, cost=cost)

    def run(self, step: Step, work: Callable[[Path], None], *, wait: Callable[[], None] | None = None) -> Finished:
        """Return the finished step; if it is not in the store, do its work first.

        Args:
            step: names the output.
            work: fills the folder that it receives.
            wait: called once if another process is working on the same step.
        """
        found = self.find(step)
        if found is not None:
            return found
        with self._locked(step, wait):
            found = self.find(step)
            if found is not None:
                return found
            partial = self.path(step).with_suffix(".partial")
            partial.mkdir(parents=True, exist_ok=True)
            with Meter(partial / "cost.json", device=step.place.device) as meter:
                work(partial)
            self._publish(step, partial, meter)
            return Finished(step.key, step.stage, self.path(step), reused=False, cost=meter.total())

    @contextmanager
    def _locked(self, step: Step, wait: Callable[[], None] | None) -> Iterator[None]:
        folder = self.root / "locks"
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / f"{step.key}.lock")
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

    def _publish(self, step: Step, partial: Path, meter: Meter) -> None:
        for name in _SCRATCH:
            leftover = partial / name
            if leftover.is_dir():
                shutil.rmtree(leftover)
            else:
                leftover.unlink(missing_ok=True)
        about = {"cost": meter.total(), **meter.about()}
        document = {"key": step.key, "title": step.title, **step.document(), **about}
        write_json(partial / DOCUMENT, document)
        os.replace(partial, self.path(step))


def check_writable(root: Path) -> None:
    """Check that the store can be written.

    Raises:
        BenchError: the folder cannot be created or written.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
        probe = root / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise BenchError(
            f"The store at {root} cannot be written", got=str(error), fix="choose another with --store DIR"
        ) from error
