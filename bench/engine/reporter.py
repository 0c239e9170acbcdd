"""Progress of a run for its user: live bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from bench.contract import Progress as ProgressProtocol


class Reporter:
    """Messages and progress on standard error; standard output stays free for tables.

    On a terminal there is one bar per stage with its step, newest values, rate and time left; elsewhere one plain line
    when a stage begins and ends, and at most one every `interval` seconds in between.
    """

    interval = 15.0

    def __init__(self, *, quiet: bool = False, live: bool | None = None) -> None:
        """Print messages unless `quiet`; `live` shows bars, for a terminal of one process (None: detect)."""
        self.quiet = quiet
        self._console = Console(stderr=True, highlight=False, quiet=quiet, soft_wrap=True)
        # with other processes on the same terminal, each line must name its step
        self._alone = live is None
        self._live = (sys.stderr.isatty() if live is None else live) and not quiet

    def say(self, text: str, style: str | None = None) -> None:
        """Print a line; `style` is one of rich's."""
        self._console.print(text, style=style, markup=False)

    def begin(self, step: str) -> None:
        """Say that a step begins."""
        self.say(step, "bold")

    def end(self, step: str, seconds: float) -> None:
        """Say that a step is done."""
        self.say(f"  {'' if self._alone else f'{step}: '}done in {seconds:.1f} s", "green")

    def warn(self, text: str) -> None:
        """Print a warning line."""
        self.say(f"warning: {text}", "yellow")

    @contextmanager
    def progress(self, title: str, total: int, *, done: int = 0, unit: str = "step") -> Iterator[ProgressProtocol]:
        """Show the progress of `total` units of which `done` are done."""
        if self._live:
            with _bar(self._console) as bar:
                task = bar.add_task(title, total=total, completed=done, values="", rate="")
                yield _LiveCount(bar, task, unit)
            return
        count = _PlainCount(self, title, total, done, unit)
        yield count
        count.end()


class _Rate:
    """Units per second since the count began."""

    def __init__(self) -> None:
        self._start, self._n = time.perf_counter(), 0

    def add(self, n: int) -> float:
        self._n += n
        return self._n / max(time.perf_counter() - self._start, 1e-9)


class _LiveCount:
    def __init__(self, bar: Progress, task: object, unit: str) -> None:
        self._bar, self._task, self._unit, self._rate = bar, task, unit, _Rate()

    def advance(self, n: int = 1, **values: float) -> None:
        fields = {"values": _values(values)} if values else {}
        rate = f"{self._rate.add(n):.1f} {self._unit}/s"
        self._bar.update(self._task, advance=n, rate=rate, **fields)  # type: ignore[arg-type]


class _PlainCount:
    def __init__(self, reporter: Reporter, title: str, total: int, done: int, unit: str) -> None:
        self._reporter, self._title, self._total, self._done, self._unit = reporter, title, total, done, unit
        self._rate, self._start, self._said = _Rate(), time.perf_counter(), time.perf_counter()
        self._first, self._values = done, ""

    def advance(self, n: int = 1, **values: float) -> None:
        self._done += n
        rate = self._rate.add(n)
        self._values = _values(values) if values else self._values
        if time.perf_counter() - self._said > Reporter.interval:
            self._said = time.perf_counter()
            left = (self._total - self._done) / max(rate, 1e-9)
            counted = f"{self._done}/{self._total} {self._values}"
            self._reporter.say(f"  {self._title}: {counted} {rate:.1f} {self._unit}/s, {left:.0f} s left")

    def end(self) -> None:
        seconds = time.perf_counter() - self._start
        from_checkpoint = f", from {self._first}" if self._first else ""
        self._reporter.say(
            f"  {self._title}: {self._done}/{self._total} in {seconds:.1f} s{from_checkpoint} {self._values}".rstrip()
        )


def _values(values: dict[str, float]) -> str:
    return " ".join(f"{name} {value:.4g}" for name, value in values.items())


def _bar(console: Console) -> Progress:
    return Progress(
        TextColumn("[bold]{task.description}"),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TextColumn("{task.fields[values]}"),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        console=console,
        transient=False,
    )
