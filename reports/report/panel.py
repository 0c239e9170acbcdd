"""One panel of a chart: two axes, and lines with bands between them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from markupsafe import Markup

from reports.report.styles import Style
from reports.report.svg import Drawing, Scale
from reports.ticks import ticks_of

WIDTH, HEIGHT = 310, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 14, 30, 40


class Panel:
    """A panel whose horizontal axis is `x` and whose vertical axis encloses `y` with round numbers."""

    def __init__(
        self,
        title: str,
        x: tuple[float, float],
        y: tuple[float, float],
        across: str,
        write: Callable[[float], str],
    ) -> None:
        self._drawing = Drawing(WIDTH, HEIGHT)
        ticks = ticks_of(y)
        self._x = Scale(*x, _LEFT, WIDTH - _RIGHT)
        self._y = Scale(ticks[0], ticks[-1], HEIGHT - _BOTTOM, _TOP)
        self._drawing.text((_LEFT, 16), title, "name")
        for tick in ticks:
            height = self._y.at(tick)
            self._drawing.line((_LEFT, height), (WIDTH - _RIGHT, height), "grid")
            self._drawing.text((_LEFT - 7, height + 4), write(tick), "tick", "end")
        bottom = HEIGHT - _BOTTOM
        self._drawing.line((_LEFT, bottom), (WIDTH - _RIGHT, bottom), "axis")
        self._drawing.text(((_LEFT + WIDTH - _RIGHT) / 2, HEIGHT - 6), across, "tick", "middle")

    def ticks_across(self, ticks: Sequence[tuple[float, str]]) -> None:
        """Add the ticks of the horizontal axis; one whose words would touch those before it has none."""
        end = float("-inf")
        for value, words in ticks:
            x, bottom = self._x.at(value), HEIGHT - _BOTTOM
            self._drawing.line((x, bottom), (x, bottom + 4), "axis")
            half = 3.5 * len(words)
            if x - half > end:
                self._drawing.text((x, bottom + 17), words, "tick", "middle")
                end = x + half + 4

    def series(
        self,
        points: Sequence[tuple[float, float]],
        style: Style,
        words: str,
        *,
        band: Sequence[tuple[float, float, float]] = (),
        markers: bool = False,
    ) -> None:
        """Add a line through points, with a band of (x, low, high) around it; `words` are shown under the pointer."""
        drawing = self._drawing
        drawing.begin(f"series {style.css}", words)
        if len(band) > 1:
            upper = [(self._x.at(x), self._y.at(high)) for x, _, high in band]
            lower = [(self._x.at(x), self._y.at(low)) for x, low, _ in reversed(band)]
            drawing.path([*upper, *lower], "area", closed=True)
        placed = [(self._x.at(x), self._y.at(y)) for x, y in points]
        if len(placed) > 1:
            drawing.path(placed, "stroke")
        for place in placed if markers or len(placed) == 1 else ():
            drawing.marker(place, style.shape, "dot", 4)
        drawing.end()

    def markup(self, alt: str) -> Markup:
        """Return the panel as an image."""
        return self._drawing.markup(alt)
