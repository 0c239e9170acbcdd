"""What a terminal shows."""

from __future__ import annotations

from rich.console import Console, RenderableType


def plain(shown: RenderableType, width: int) -> str:
    """Return what a terminal of a width shows, without colours."""
    console = Console(width=width, highlight=False, markup=False, color_system=None)
    with console.capture() as captured:
        console.print(shown)
    return captured.get()
