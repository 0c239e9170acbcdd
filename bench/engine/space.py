"""A full disk, and other reasons why a file cannot be written, as one error that names the place."""

from __future__ import annotations

import errno
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.errors import BenchError, JobError, MissingError

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)
SHARE = (
    "let everybody who works on this store write all of it (`chmod -R g+w` now, `umask 002` before each command), "
    "or choose another with --store DIR"
)
"""How to correct that a part of a store may not be written."""
# torch, safetensors and numpy say it only in words
_WORDS = re.compile(
    r"No space left on device|Disk quota exceeded|PytorchStreamWriter failed writing|\d+ requested and \d+ written"
)


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


@contextmanager
def work_in(folder: Path, title: str) -> Iterator[None]:
    """Turn the error of a full disk, of whichever library, in a block that writes to a folder into one with its space.

    Raises:
        JobError: the disk is full, or a quota or the largest size of a file is reached; or something in the folder may
            not be written.
    """
    try:
        yield
    except Exception as error:
        if isinstance(error, OSError) and error.errno in _FORBIDDEN and folder in Path(str(error.filename)).parents:
            got = f"{error.strerror}: {error.filename}"
            raise JobError(f"{title or 'A step'} may not write to {folder}", got=got, fix=SHARE) from error
        if isinstance(error, BenchError) or not _means_full(error):
            raise
        place = folder if folder.exists() else folder.parent
        free = amount(shutil.disk_usage(place).free) if place.exists() else "an unknown amount"
        raise JobError(
            f"The disk is full: {title or 'a step'} cannot write to {folder}",
            got=f"{_brief(error)}; {free} are free",
            fix="free some space (see `bench store du` and `bench store gc`) or raise the quota, or choose a store on "
            "another disk; the same command then continues",
        ) from error


def _means_full(error: BaseException) -> bool:
    """Return whether an error, or one that caused it, comes from a full disk."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, OSError) and seen.errno in _FULL:
            return True
        in_words = isinstance(seen, RuntimeError | OSError) or type(seen).__name__ == "SafetensorError"
        if in_words and _WORDS.search(str(seen)):
            return True
        seen = seen.__cause__ or seen.__context__
    return False


def _brief(error: BaseException) -> str:
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return text.splitlines()[0] if text else type(error).__name__
