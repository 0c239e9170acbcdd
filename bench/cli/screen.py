"""The console that commands print tables on, and words that several of them use."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


def console() -> Console:
    """Return the console; a pipe has no width: tables are then made for a wide terminal."""
    from bench.engine.console import HarmlessConsole
    from reports.terminal import WIDTH

    return HarmlessConsole(highlight=False, markup=False, width=None if sys.stdout.isatty() else WIDTH)


def count_runs(n: int) -> str:
    """Return the number of runs in words."""
    return "1 run" if n == 1 else f"{n} runs"
