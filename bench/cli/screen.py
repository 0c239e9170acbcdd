"""The console that commands print tables on, and words that several of them use."""

from __future__ import annotations

import sys
from shutil import get_terminal_size
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


def console() -> Console:
    """Return the console; a pipe has no width: without the variable COLUMNS, tables are made for a wide terminal."""
    from bench.engine.console import HarmlessConsole
    from reports.terminal import WIDTH

    return HarmlessConsole(highlight=False, markup=False, width=width_for(WIDTH))


def width_for(pipe: int) -> int | None:
    """Return the width for a pipe, which COLUMNS overrides; None for a terminal, whose width the console finds."""
    return None if sys.stdout.isatty() else get_terminal_size((pipe, 24)).columns


def count_runs(n: int) -> str:
    """Return the number of runs in words."""
    return "1 run" if n == 1 else f"{n} runs"
