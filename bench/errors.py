"""The one root of every error that a user may meet.

An error has three parts, printed by the command line as three lines: what is wrong (`error:`), what was
met (`got:`) and how to mend it (`fix:`).
"""

from __future__ import annotations


class BenchError(Exception):
    """Something the user can mend.

    Args:
        message: what was expected, and where; one sentence.
        got: what was met instead; may be empty.
        fix: what to do about it; may be empty.
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
    """A file or folder of a dataset that is absent, unreadable or not what it should be."""


class MissingError(BenchError):
    """Something that a run needs and this machine lacks: data, weights, memory, a device."""


class SealError(BenchError):
    """A synthetic set whose files do not agree with its manifest."""


class JobError(BenchError):
    """A job that failed while running."""

    exit_code = 1
