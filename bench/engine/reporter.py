"""Progress of a run for its user: live bars on a terminal, plain lines elsewhere, and everything in the run's log."""

from __future__ import annotations

import sys
import time
from asyncio import CancelledError
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any

from rich.console import Console
from rich.progress import TaskID

from bench.contract import Progress as ProgressProtocol
from bench.engine.bars import Bars
from bench.engine.console import HarmlessConsole
from bench.engine.log import RunLog, libraries
from bench.engine.overall import Overall
from bench.engine.stop import Parked

BEGINNING: ContextVar[Callable[[], None] | None] = ContextVar("BEGINNING", default=None)
"""Called when the step of the current task begins; it raises an error if the step may not begin."""


class Reporter:
    """Messages and progress on standard error; standard output stays free for tables.

    On a terminal, a display shows the progress of the run and below it that of the step, with its newest values, rate
    and time left; elsewhere there is one plain line when a step begins and ends, and at most one every `interval`
    seconds in between. `overall` tells the progress of the run, if it is known. Everything is written to `log`.
    """

    interval = 15.0

    def __init__(
        self,
        *,
        quiet: bool = False,
        verbose: bool = False,
        live: bool | None = None,
        console: Console | None = None,
        log: RunLog | None = None,
        overall: str = "",
        about: str = "",
    ) -> None:
        """Print messages unless `quiet`, and more if `verbose`.

        Args:
            quiet: print nothing.
            verbose: print details, too.
            live: show bars, for a terminal of one process (None: detect).
            console: where to print (None: standard error).
            log: a log that is open already, for the worker of a run.
            overall: the progress of the run in words, for the worker of a run.
            about: the run, if several report on the same screen; it is at the beginning of each line.
        """
        self.quiet, self.verbose, self.log, self.about = quiet, verbose, log, about
        self.overall: Overall | str = overall
        self.count: Callable[[], Overall | str] | None = None
        """Counts the steps of the run; called when the first of them begins, so that a finished run counts none."""
        self._console = console or HarmlessConsole(stderr=True, highlight=False, quiet=quiet, soft_wrap=True)
        # with other processes on the same terminal, each line must name its step
        self._alone = live is None
        self._live = (sys.stderr.isatty() if live is None else live) and not quiet
        self._bars: Bars | None = None
        self._in_log: list[BaseException] = []

    def named(self, about: str) -> Reporter:
        """Return a reporter of one of several runs, which prints lines to the same screen."""
        return Reporter(quiet=self.quiet, verbose=self.verbose, live=False, console=self._console, about=about)

    def say(self, text: str, style: str | None = None) -> None:
        """Print a line; `style` is one of rich's."""
        if self.log is not None:
            self.log.write(text)
        shown = "\n".join(f"{self.about} | {line}" for line in text.splitlines()) if self.about else text
        self._console.print(shown, style=style, markup=False)

    def detail(self, text: str) -> None:
        """Print a line only if more is wanted than usual; the log has it in any case."""
        if self.verbose:
            self.say(text, "dim")
        elif self.log is not None:
            self.log.write(text)

    def warn(self, text: str) -> None:
        """Print a warning line."""
        self.say(f"warning: {text}", "yellow")

    def failed(self, name: str, cause: str, error: Exception) -> None:
        """Say that a step failed; the log receives the traceback."""
        if self.log is not None:
            self.log.write_error(error)
            self._in_log.append(error)
        self.say(f"{name}: failed, and what does not need it continues: {cause}", "red")

    @contextmanager
    def recording(self, log: RunLog) -> Iterator[None]:
        """Write everything to a log, with warnings of libraries and the traceback of an error that ends the block.

        The error receives a note that names the log. If several runs report on one screen, whose blocks overlap, the
        warnings of libraries in this process belong to none of them.
        """
        self.log = log
        try:
            with nullcontext() if self.about else libraries(log, self.warn):
                yield
        except (KeyboardInterrupt, CancelledError, Parked):
            log.write("interrupted")
            raise
        except BaseException as error:
            if not any(error is known for known in self._in_log):
                log.write_error(error)
            note = f"log:   {log.path}"
            if note not in getattr(error, "__notes__", ()):
                error.add_note(note)
            raise
        finally:
            self.log = None
            self._in_log.clear()

    def remote(self) -> dict[str, Any]:
        """Return the arguments of the reporter of a worker process that says what this one would say now."""
        settings = {"quiet": self.quiet, "verbose": self.verbose, "live": False, "about": self.about}
        return {**settings, "log": self.log, "overall": str(self.overall)}

    def begins(self, step: object) -> None:
        """Count one more step of the run, which begins.

        Raises:
            Stopped: it may not begin, because the user asked to stop.
        """
        beginning = BEGINNING.get()
        if beginning is not None:
            beginning()
        if self.count is not None:
            count, self.count = self.count, None
            self.overall = count()
        if isinstance(self.overall, Overall):
            self.overall.begin(step)

    def found(self, step: object) -> None:
        """Take into account that another run did one of the steps meanwhile."""
        if isinstance(self.overall, Overall):
            self.overall.begin(step)
            self.overall.end(step)

    def ended(self, step: object) -> None:
        """Take the time of a step that is done into account."""
        if isinstance(self.overall, Overall):
            self.overall.end(step)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Show that a step begins and that it is done, with its time and the progress of the run."""
        overall, begun = str(self.overall), time.perf_counter()
        shown = name if self._live or not overall else f"{name} ({overall})"
        if self.log is not None and shown is name and overall:
            self.log.write(overall)
        self.say(shown, "bold")
        if self._live:
            with self._display():
                yield
        else:
            yield
        self.say(f"  {'' if self._alone else f'{name}: '}done in {time.perf_counter() - begun:.1f} s", "green")

    @contextmanager
    def progress(self, title: str, total: int, *, done: int = 0, unit: str = "step") -> Iterator[ProgressProtocol]:
        """Show the progress of `total` units of which `done` are done."""
        if 0 < done < total:
            self.say(f"  {title}: going on at {done} of {total}")
        count = _Count(self, title, total, done, unit)
        if self._live:
            with self._display() as bars:
                count.show(bars)
                yield count
        else:
            yield count
        count.end()

    @contextmanager
    def _display(self) -> Iterator[Bars]:
        """Return the live display, which the outermost caller starts and stops."""
        if self._bars is not None:
            yield self._bars
            return
        with Bars(self._console, lambda: str(self.overall)) as self._bars:
            try:
                yield self._bars
            finally:
                self._bars = None


class _Count:
    """The progress of one piece of work: a bar of a display, or lines."""

    def __init__(self, reporter: Reporter, title: str, total: int, done: int, unit: str) -> None:
        self._reporter, self._title, self._total, self._done, self._unit = reporter, title, total, done, unit
        self._start = self._said = time.perf_counter()
        self._first, self._values = done, list[str]()
        self._bars: Bars | None = None
        self._task = TaskID(0)

    def show(self, bars: Bars) -> None:
        """Show a bar instead of lines."""
        self._bars = bars
        self._task = bars.add_task(self._title, total=self._total, completed=self._done, values=(), rate="")

    def advance(self, n: int = 1, **values: float) -> None:
        self._done += n
        self._values = [f"{name} {value:.4g}" for name, value in values.items()] or self._values
        rate = (self._done - self._first) / max(time.perf_counter() - self._start, 1e-9)
        if self._bars is not None:
            fields: dict[str, Any] = {"values": self._values, "rate": f"{rate:.1f} {self._unit}/s"}
            self._bars.update(self._task, advance=n, **fields)
        elif time.perf_counter() - self._said > Reporter.interval:
            self._said = time.perf_counter()
            left = (self._total - self._done) / max(rate, 1e-9)
            counted = " ".join([f"{self._done}/{self._total}", *self._values])
            self._reporter.say(f"  {self._title}: {counted} {rate:.1f} {self._unit}/s, {left:.0f} s left")

    def end(self) -> None:
        if self._bars is not None:
            self._bars.remove_task(self._task)
        seconds = time.perf_counter() - self._start
        values = " ".join(self._values[:1])
        self._reporter.say(f"  {self._title}: {self._done}/{self._total} in {seconds:.1f} s {values}".rstrip())
        if len(self._values) > 1 and self._reporter.log is not None:
            self._reporter.log.write("    " + " ".join(self._values))
