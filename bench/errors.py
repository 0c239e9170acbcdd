"""The one root of every error that a user may meet.

An error has three parts, which the command line prints as three lines: what failed (`error:`), what was
found (`got:`) and how to fix it (`fix:`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

MOST_IN_LINE, MOST_LINES = 1000, 100
"""Longer texts of errors are cut: what was found may be a value of megabytes, which nobody can read in a terminal."""


class BenchError(Exception):
    """An error that the user can fix.

    Args:
        message: what failed, and where; one sentence.
        got: what was found; may be empty.
        fix: the command or setting that fixes it; if it is empty, `usual_fix` is printed.
    """

    exit_code = 2
    usual_fix: ClassVar[str] = "see --help"

    def __init__(self, message: str, *, got: str = "", fix: str = "") -> None:
        self.message = _readable(message)
        self.got = _readable(got)
        self.fix = _readable(fix)
        super().__init__(self.message)

    def __reduce__(self) -> tuple[Any, ...]:
        """Return what a pickle needs: errors of steps come from other processes, whatever their class is made from."""
        return _unpickled, (type(self), self.message), self.__dict__

    def __str__(self) -> str:
        parts = [self.message]
        if self.got:
            parts.append(f"got: {self.got}")
        if self.fix:
            parts.append(f"fix: {self.fix}")
        return "; ".join(parts)


def _unpickled(kind: type[BenchError], message: str) -> BenchError:
    """Return an error of a class, whose attributes follow."""
    return kind.__new__(kind, message)


def _readable(text: str) -> str:
    """Return a text with at most `MOST_LINES` lines of `MOST_IN_LINE` characters, and what was left out."""
    if len(text) <= MOST_IN_LINE:
        return text
    lines = text.split("\n", MOST_LINES)
    if len(lines) > MOST_LINES:
        left = lines.pop()
        lines.append(f"... {left.count(chr(10)) + 1:,} more lines")
    return "\n".join(
        line if len(line) <= MOST_IN_LINE else f"{line[:MOST_IN_LINE]} ... {len(line) - MOST_IN_LINE:,} more characters"
        for line in lines
    )


class ConfigError(BenchError):
    """A request, a key or a value that does not fit the configuration."""


class DataError(BenchError):
    """A file or folder of a dataset that is missing, unreadable or invalid."""

    usual_fix = "correct or replace the data that are named above"


class MissingError(BenchError):
    """Something that a run needs and this machine lacks: data, weights, memory or a device."""


class SealError(BenchError):
    """A synthetic set whose files do not agree with its manifest."""


class JobError(BenchError):
    """A job that failed while running."""

    exit_code = 1
    usual_fix = "read the traceback in the log of the run, or repeat the command with --debug"


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
