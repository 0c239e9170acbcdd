"""The progress of transfers, through the reporter of the command."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

from bench.contract import Progress


class Reports(Protocol):
    """What is used of the reporter."""

    def say(self, text: str, style: str | None = None) -> None:
        """Print a line."""
        ...

    def progress(
        self, title: str, total: int, *, done: int = 0, unit: str = "step"
    ) -> AbstractContextManager[Progress]:
        """Show progress."""
        ...


class Shown:
    """The progress of one transfer, in megabytes or kilobytes."""

    def __init__(self, reports: Reports, title: str) -> None:
        self._reports, self._title = reports, title
        self._shown: AbstractContextManager[Progress] | None = None
        self._bar: Progress | None = None
        self._bytes, self._unit = 0, 10**6

    def __enter__(self) -> Shown:
        return self

    def __exit__(self, *error: object) -> None:
        if self._shown is not None:
            self._shown.__exit__(None, None, None)

    def start(self, total: int | None, done: int) -> None:
        """Show the size of the file, and what is there of it; a transfer that begins again is set back."""
        if self._shown is None:
            self._unit = 10**6 if (total or 0) >= 10**7 else 10**3
            unit = "MB" if self._unit == 10**6 else "kB"
            whole = -(-(total or 0) // self._unit)
            self._shown = self._reports.progress(self._title, whole, done=-(-done // self._unit), unit=unit)
            self._bar, self._bytes = self._shown.__enter__(), done
        else:
            self.advance(done - self._bytes)

    def advance(self, n: int) -> None:
        """Add bytes; the last kilobyte or megabyte counts when it has begun."""
        before, self._bytes = self._bytes, self._bytes + n
        steps = -(-self._bytes // self._unit) - -(-before // self._unit)
        if steps and self._bar is not None:
            self._bar.advance(steps)
