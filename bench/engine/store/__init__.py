"""The store: finished work is reused, killed work continues, and two processes never do the same step."""

from __future__ import annotations

import errno
import logging
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.engine.cost import Meter
from bench.engine.space import SHARE, work_in
from bench.engine.step import Finished, Step
from bench.engine.store.checked import Checked
from bench.engine.store.entry import DOCUMENT, Broken, seal
from bench.engine.store.lease import Lease
from bench.engine.store.partial import clear_scratch, flaw, set_aside, workplace, workplaces
from bench.errors import BenchError

__all__ = ["DOCUMENT", "Store", "check_writable"]

_WARN = logging.getLogger(__name__).warning
_WRITTEN = ("leases", "logs", "sessions")  # by every run
_EXISTS = (errno.EEXIST, errno.ENOTEMPTY)


class Store:
    """Folders of finished steps under `<root>/jobs/<stage>/<key>`.

    A step works in `<key>.partial`, next to its final folder, with its checkpoints; when it is done, the scratch files
    are removed, its record with the hashes of all files is written, and the folder is renamed. A folder without
    `.partial` is therefore complete. One that was damaged later does not count as finished.
    """

    def __init__(self, root: Path) -> None:
        """Use the folder `root`; nothing is created yet."""
        self.root = root
        self._checked = Checked(root)

    def path(self, step: Step) -> Path:
        """Return the folder of the step's output once it is finished."""
        return self.root / "jobs" / step.stage / step.key

    def find(self, step: Step) -> Finished | None:
        """Return the finished step; None if it is not in the store, or is not whole.

        Sizes and names of its files are compared with its record each time, and their hashes when this store has not
        yet seen them. A store that cannot be written can be read.
        """
        try:
            return self._find(step)
        except Broken:
            return None

    def run(
        self,
        step: Step,
        work: Callable[[Path], None],
        *,
        wait: Callable[[], None] | None = None,
        warn: Callable[[str], None] = _WARN,
    ) -> Finished:
        """Return the finished step; if it is not in the store, do its work first.

        Args:
            step: names the output.
            work: fills the folder that it receives.
            wait: called once if another process is working on the same step.
            warn: called with what was found broken and where it was moved.

        Raises:
            JobError: the disk is full.
        """
        while True:
            found = self.find(step)
            if found is not None:
                return found
            lease = Lease(self.root, step.key)
            with work_in(self.root, f"{step.stage}: {step.title}"):
                lease.acquire(wait)
                try:
                    done = self._do(step, work, lease, warn)
                finally:
                    lease.release()
            if done is not None:
                return done
            warn(f"{step.stage}: {step.title}: another process did it too, because one of the two was suspended")

    def _find(self, step: Step) -> Finished | None:
        path = self.path(step)
        if not os.path.lexists(path):
            return None
        cost = self._checked.check(path, step.stage, step.key)["cost"]
        return Finished(step.key, step.stage, path, reused=True, cost=cost)

    def _do(
        self, step: Step, work: Callable[[Path], None], lease: Lease, warn: Callable[[str], None]
    ) -> Finished | None:
        """Do the work and publish it; None if the lease was lost meanwhile."""
        path, name = self.path(step), f"{step.stage}: {step.title}"
        try:
            found = self._find(step)
        except Broken as broken:
            found = None
            warn(f"{name}: {path} is broken: {broken}; it was moved to {set_aside(self.root, path)}, and is made again")
        if found is not None:
            return found
        try:
            # those of earlier attempts; what a successor of this process makes meanwhile is not among them
            earlier = workplaces(path)
            partial = workplace(path, shared=lease.took_over is not None)
            earlier = [one for one in earlier if one != partial]
            reason = flaw(partial)
            if reason:
                warn(f"{name}: {partial} is broken: {reason}; it was moved to {set_aside(self.root, partial)}, and the "
                     "step begins again")  # fmt: skip
                partial.mkdir()
            with work_in(partial, name):
                with Meter(partial / "cost.json", device=step.place.device) as meter:
                    work(partial)
                clear_scratch(partial)
                about = {"key": step.key, "title": step.title, **step.document(), "cost": meter.total()}
                seal(partial, {**about, **meter.about()})
                if not self._publish(partial, path, lease, earlier):
                    return None
        except Exception as error:
            # its successor may have removed the folder, or its predecessor woken up and published the entry
            if lease.is_lost() or self.find(step) is not None:
                warn(f"{name}: this attempt ended ({type(error).__name__}: {str(error).partition(chr(10))[0]})")
                return None
            raise
        self._checked.note(path, step.stage, step.key)
        return Finished(step.key, step.stage, path, reused=False, cost=meter.total())

    def _publish(self, partial: Path, path: Path, lease: Lease, earlier: Sequence[Path]) -> bool:
        """Give the folder its final name; return whether this process was the one that did."""
        if not lease.confirm():
            return False
        # A process that is suspended here for longer than a lease lasts has a successor: whichever of the two renames
        # its folder first has made the entry, and neither touches the folder of the other.
        try:
            partial.rename(path)
        except OSError as error:
            if error.errno in _EXISTS:
                shutil.rmtree(partial, ignore_errors=True)
                return False
            raise
        for other in earlier:
            shutil.rmtree(other, ignore_errors=True)
        return True


def check_writable(root: Path) -> None:
    """Check that the store can be written.

    Raises:
        BenchError: the folder cannot be created or written, or its name is not text.
    """
    fix = "choose another with --store DIR"
    try:
        str(root.absolute()).encode()
    except UnicodeEncodeError as error:  # documents of the store could not name it
        raise BenchError("The path of the store is not UTF-8", got=repr(str(root)), fix=fix) from error
    try:
        root.mkdir(parents=True, exist_ok=True)
        probe = root / f".writable.{os.getpid()}"
        probe.touch()
        probe.unlink(missing_ok=True)
    except OSError as error:
        raise BenchError(f"The store at {root} cannot be written", got=str(error), fix=fix) from error
    for place in (root / name for name in _WRITTEN):
        if place.is_dir() and not os.access(place, os.W_OK | os.X_OK):
            raise BenchError(f"The store at {root} cannot be written", got=f"no right to write {place}", fix=SHARE)
