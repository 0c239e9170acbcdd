"""The one root of every error that a user may meet.

An error has three parts, which the command line prints as three lines: what failed (`error:`), what was
found (`got:`) and how to fix it (`fix:`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class BenchError(Exception):
    """An error that the user can fix.

    Args:
        message: what failed, and where; one sentence.
        got: what was found; may be empty.
        fix: the command or setting that fixes it; may be empty.
    """

    exit_code = 2

    def __init__(self, message: str, *, got: str = "", fix: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.got = got
        self.fix = fix

    def __str__(self) -> str:
        parts = [self.message]
        if self.got:
            parts.append(f"got: {self.got}")
        if self.fix:
            parts.append(f"fix: {self.fix}")
        return "; ".join(parts)


class ConfigError(BenchError):
    """A request, a key or a value that does not fit the configuration."""


class DataError(BenchError):
    """A file or folder of a dataset that is missing, unreadable or invalid."""


class MissingError(BenchError):
    """Something that a run needs and this machine lacks: data, weights, memory or a device."""


class SealError(BenchError):
    """A synthetic set whose files do not agree with its manifest."""


class JobError(BenchError):
    """A job that failed while running."""

    exit_code = 1


@contextmanager
def within_memory(what: str, fix: str) -> Iterator[None]:
    """Turn a lack of memory within a block into an error that names the settings which need less.

    Args:
        what: the work, as the subject of a sentence.
        fix: the settings.

    Raises:
        JobError: a device or the machine has too little memory.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        # torch's errors by name: this module loads without it
        known = isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
        if not known and "DefaultCPUAllocator: can't allocate memory" not in str(error):
            raise
        got = str(error).split(". ")[0].partition("\n")[0] or "no memory left"
        raise JobError(f"{what} needs more memory than there is", got=got, fix=fix) from error
