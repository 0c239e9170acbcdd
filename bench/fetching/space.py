"""A full disk, and other reasons why a file cannot be written, as one error that names the place."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.errors import BenchError, MissingError

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def amount(size: float) -> str:
    """Return a number of bytes with a unit.

    >>> amount(353_976_522), amount(11_600), amount(12)
    ('338 MiB', '11 KiB', '12 B')
    """
    for unit, name in ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB")):
        if size >= unit:
            return f"{size / unit:.1f} {name}" if name == "GiB" else f"{size / unit:.0f} {name}"
    return f"{size:.0f} B"


def check_space(path: Path, needed: int) -> None:
    """Check that the disk of a path has room for as many bytes.

    Raises:
        MissingError: it has not.
    """
    free = shutil.disk_usage(path.parent).free
    if free < needed:
        raise _full(path, f"{amount(needed)} are needed, and {amount(free)} are free")


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn errors of the file system in a block that writes to a path into one error with path and space.

    Raises:
        MissingError: the disk is full, or a quota or the largest size of a file is reached.
        BenchError: the path cannot be written for another reason.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise _full(path, f"{error.strerror}; {amount(shutil.disk_usage(path.parent).free)} are free") from error
        fix = "choose another folder, or change its permissions"
        raise BenchError(f"Cannot write to {path.parent}", got=error.strerror or str(error), fix=fix) from error


def _full(path: Path, got: str) -> MissingError:
    fix = "free some space or raise the quota, or choose a folder on another disk; the same command then continues"
    return MissingError(f"There is no space for {path.name} in {path.parent}", got=got, fix=fix)
