"""The live display of a terminal: the progress of the run, and below it the bar of the step."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.progress import Progress, Task
from rich.text import Text

BAR = 20


class Bars(Progress):
    """A display of bars that vanish when they are done, below a line about the whole run.

    In a narrow terminal, the terms of a loss are left out first, the last before the first; then the rate and the bar.
    The number of units and the time left stay.
    """

    def __init__(self, console: Console, overall: Callable[[], str]) -> None:
        """Show `overall()` above the bars unless it is empty."""
        self._overall = overall  # before the base class, which asks for what it shows
        super().__init__(console=console, transient=True)

    def get_renderables(self) -> Iterable[RenderableType]:
        """Yield the line about the run and one line per bar."""
        overall = self._overall()
        if overall:
            yield Text(overall, "cyan", no_wrap=True, overflow="ellipsis")
        yield from (StepLine(task) for task in self.tasks)


class StepLine:
    """The line of one task, as much of it as fits."""

    def __init__(self, task: Task) -> None:
        self._task = task

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield step_line(self._task, options.max_width)


def step_line(task: Task, width: int) -> Text:
    """Return the line of a task in at most `width` columns."""
    values: list[str] = list(task.fields["values"])
    count, left = f"{task.completed:.0f}/{task.total or 0:.0f}", _left(task)
    rate: str = task.fields["rate"]
    bar = True

    def parts() -> list[str]:
        return ["━" * BAR] * bar + [count, *values, *([rate] if rate else []), left]

    name = f"  {task.description}"
    while len(name) + sum(len(part) + 1 for part in parts()) > width:
        if len(values) > 1:
            values.pop()
        elif rate:
            rate = ""
        elif bar:
            bar = False
        elif values:
            values.pop()
        else:
            break
    shown = parts()
    room = max(width - sum(len(part) + 1 for part in shown), 0)
    line = Text(name if len(name) <= room else name[: max(room - 1, 0)] + "…", "bold", no_wrap=True)
    if bar:
        filled = round(BAR * min(task.percentage / 100, 1.0))
        line.append(" ").append("━" * filled, "green").append("━" * (BAR - filled), "bright_black")
        shown.pop(0)
    return line.append(" " + " ".join(shown), "not bold")


def _left(task: Task) -> str:
    seconds = task.time_remaining
    if seconds is None:
        return "-:--:--"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"
