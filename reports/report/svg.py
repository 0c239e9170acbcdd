"""Drawing charts as SVG: shapes with classes, which the page's style sheet colours; all text is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from markupsafe import Markup, escape

Point = tuple[float, float]


@dataclass(frozen=True)
class Scale:
    """Places of numbers along an axis, from `low` at `start` to `high` at `end`."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """Return the place of a number; one beyond the axis is placed at its end."""
        share = (value - self.low) / (self.high - self.low) if self.high > self.low else 0.5
        return self.start + min(max(share, 0.0), 1.0) * (self.end - self.start)

    def holds(self, value: float) -> bool:
        """Return whether a number is on the axis."""
        return self.low <= value <= self.high


@dataclass
class Drawing:
    """An SVG picture of a size in pixels, to which shapes are added in order."""

    width: float
    height: float
    parts: list[Markup] = field(default_factory=list)

    def line(self, start: Point, end: Point, css: str) -> None:
        """Add a straight line."""
        (x1, y1), (x2, y2) = start, end
        self.parts.append(_tag("line", css, x1=x1, y1=y1, x2=x2, y2=y2))

    def path(self, points: Sequence[Point], css: str, *, closed: bool = False) -> None:
        """Add a line through points."""
        steps = " ".join(f"{'L' if place else 'M'}{_short(x)} {_short(y)}" for place, (x, y) in enumerate(points))
        self.parts.append(_tag("path", css, d=steps + (" Z" if closed else "")))

    def text(self, place: Point, words: str, css: str = "", anchor: str = "start") -> None:
        """Add a text, whose `anchor` (start, middle or end) is at a place."""
        x, y = place
        tag = _open("text", css, {"x": x, "y": y, "text-anchor": anchor})
        self.parts.append(Markup("{}{}</text>").format(tag, words))

    def marker(self, place: Point, shape: int, css: str, radius: float = 4.5) -> None:
        """Add a marker; shapes tell arms apart where colours do not."""
        x, y = place
        if shape % len(_SHAPES) == 0:
            self.parts.append(_tag("circle", css, cx=x, cy=y, r=radius))
            return
        corners = [(x + dx * radius, y + dy * radius) for dx, dy in _SHAPES[shape % len(_SHAPES)]]
        self.path(corners, css, closed=True)

    def begin(self, css: str, words: str = "") -> None:
        """Begin a group, whose words are shown under the pointer."""
        self.parts.append(_open("g", css, {}))
        if words:
            self.parts.append(Markup("<title>{}</title>").format(words))

    def end(self) -> None:
        """End a group."""
        self.parts.append(Markup("</g>"))

    def markup(self, alt: str) -> Markup:
        """Return the picture as an image with a text for people who do not see it."""
        size = {"viewBox": f"0 0 {_short(self.width)} {_short(self.height)}"}
        size |= {"width": _short(self.width), "height": _short(self.height)}
        head = _open("svg", "", {"role": "img", "aria-label": alt, **size})
        return head + Markup("").join(self.parts) + Markup("</svg>")


_SHAPES: tuple[tuple[Point, ...], ...] = (
    (),  # circle
    ((-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)),
    ((0, -1.25), (1.25, 0), (0, 1.25), (-1.25, 0)),
    ((0, -1.2), (1.1, 0.8), (-1.1, 0.8)),
    ((0, 1.2), (1.1, -0.8), (-1.1, -0.8)),
    ((-1.2, -0.4), (0, -1.2), (1.2, -0.4), (0.75, 1), (-0.75, 1)),
)


def spread_out(places: Iterable[float], gap: float, low: float, high: float) -> list[float]:
    """Return places moved as little as needed to be `gap` apart and between two bounds, in the same order.

    >>> spread_out([10.0, 12.0, 50.0], 10, 0, 100)
    [6.0, 16.0, 50.0]
    """
    wanted = list(places)
    order = sorted(range(len(wanted)), key=lambda index: wanted[index])
    groups: list[list[int]] = []
    centres: list[float] = []
    for index in order:
        groups.append([index])
        centres.append(wanted[index])
        while len(groups) > 1 and centres[-1] - centres[-2] < gap * (len(groups[-1]) + len(groups[-2])) / 2:
            members = groups.pop()
            centres.pop()
            groups[-1] += members
            centre = sum(wanted[one] for one in groups[-1]) / len(groups[-1])
            room = gap * (len(groups[-1]) - 1) / 2
            centres[-1] = min(max(centre, low + room), max(high - room, low + room))
    found = list(wanted)
    for members, centre in zip(groups, centres, strict=True):
        for place, one in enumerate(members):
            found[one] = centre + gap * (place - (len(members) - 1) / 2)
    return found


def _tag(name: str, css: str, **attributes: float | str) -> Markup:
    return _open(name, css, attributes)[:-1] + Markup("/>")


def _open(name: str, css: str, attributes: dict[str, float | str]) -> Markup:
    named = {"class": css, **attributes} if css else attributes
    texts = [Markup(' {}="{}"').format(key, _short(value)) for key, value in named.items()]
    return Markup(f"<{escape(name)}") + Markup("").join(texts) + Markup(">")


def _short(value: float | str) -> str:
    """Return a number with at most one decimal, which is a tenth of a pixel."""
    return value if isinstance(value, str) else f"{value:.1f}".removesuffix(".0")
