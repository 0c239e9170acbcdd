"""The console of all output: what is printed cannot act on a terminal, whatever names and messages contain."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from bench.harmless import harmless


class HarmlessConsole(Console):
    """A console of rich that writes control characters in texts as escapes; its own styles and movements remain."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterator[Segment]:
        """Yield the segments of what is printed."""
        for text, style, control in super().render(renderable, options):
            yield Segment(text if control else harmless(text), style, control)
