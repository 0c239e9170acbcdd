"""A picture of scores against the ratio of synthetic to real images: a panel per score, a line per network."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageDraw

from reports.board import Cell
from reports.drawing import INK, PAPER, font, save, shorten
from reports.numbers import number
from reports.scaling import Line, Scaling
from reports.ticks import ticks_of

# Colours of networks (Okabe & Ito), which people with impaired colour vision tell apart.
COLOURS = ((0, 114, 178), (213, 94, 0), (0, 158, 115), (204, 121, 167), (86, 180, 233), (230, 159, 0))
_SMOOTH = 2
"""The picture is drawn this many times larger and then reduced, which smooths its lines."""
_PANEL, _HEADER, _PER_ROW = (380, 270), 64, 3
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 16, 34, 40
_GRID, _PALE = (225, 225, 225), 60
# The font has no arrows.
_WORDS = {"↑": "(higher is better)", "↓": "(lower is better)"}


class _Box(NamedTuple):
    """The inside of one panel in pixels, and the ranges of its axes."""

    left: float
    top: float
    right: float
    bottom: float
    x: tuple[float, float]
    y: tuple[float, float]

    def at(self, ratio: float, value: float) -> tuple[float, float]:
        """Return the place of a point in the picture."""
        across = (ratio - self.x[0]) / (self.x[1] - self.x[0])
        up = (value - self.y[0]) / (self.y[1] - self.y[0])
        return self.left + across * (self.right - self.left), self.bottom - up * (self.bottom - self.top)


def scaling_picture(scaling: Scaling, path: Path) -> None:
    """Write the picture as PNG; bands are intervals, and the circle at ratio 0 is the baseline of real images only."""
    columns = scaling.columns
    across = min(len(columns), _PER_ROW)
    size = across * _PANEL[0], _HEADER + math.ceil(len(columns) / _PER_ROW) * _PANEL[1]
    sheet = Image.new("RGB", (size[0] * _SMOOTH, size[1] * _SMOOTH), PAPER)
    draw = ImageDraw.Draw(sheet, "RGBA")
    colours = {name: COLOURS[place % len(COLOURS)] for place, name in enumerate(scaling.networks)}
    _header(draw, scaling, colours, size[0])
    for place, column in enumerate(columns):
        lines = [line for line in scaling.lines if line.column == column]
        corner = place % _PER_ROW * _PANEL[0], _HEADER + place // _PER_ROW * _PANEL[1]
        inside = _axes(draw, scaling, lines, corner)
        for part in (_draw_band, _draw_line):  # no band covers a line
            for line in lines:
                part(draw, inside, line, colours[line.network])
    save(sheet.resize(size, Image.Resampling.LANCZOS), path)


def _header(draw: ImageDraw.ImageDraw, scaling: Scaling, colours: dict[str, tuple[int, int, int]], width: int) -> None:
    title = shorten(f"{scaling.title}  ·  {scaling.board}", (width - 20) * _SMOOTH, font(17 * _SMOOTH))
    draw.text((12 * _SMOOTH, 8 * _SMOOTH), title, INK, font(17 * _SMOOTH))
    x, y, face = 12 * _SMOOTH, 36 * _SMOOTH, font(13 * _SMOOTH)
    for name, colour in colours.items():
        draw.rectangle((x, y + 5 * _SMOOTH, x + 18 * _SMOOTH, y + 9 * _SMOOTH), fill=colour)
        draw.text((x + 24 * _SMOOTH, y), name, INK, face)
        x += int(face.getlength(name)) + 44 * _SMOOTH
    draw.text((x, y), "open circles: only real images   bands: 95 % intervals", INK, face)


def _axes(draw: ImageDraw.ImageDraw, scaling: Scaling, lines: Sequence[Line], corner: tuple[int, int]) -> _Box:
    """Draw the axes of one panel and return its inside."""
    column, face = lines[0].column, font(12 * _SMOOTH)
    left, top = ((corner[0] + _LEFT) * _SMOOTH, (corner[1] + _TOP) * _SMOOTH)
    right = (corner[0] + _PANEL[0] - _RIGHT) * _SMOOTH
    bottom = (corner[1] + _PANEL[1] - _BOTTOM) * _SMOOTH
    ticks = ticks_of(_extent([cell for line in lines for cell in line.cells.values()]))
    room = 0.04 * scaling.ratios[-1]
    inside = _Box(left, top, right, bottom, (-room, scaling.ratios[-1] + room), (ticks[0], ticks[-1]))
    for tick in ticks:
        _, y = inside.at(0, tick)
        draw.line((left, y, right, y), fill=_GRID, width=_SMOOTH)
        draw.text((left - 6 * _SMOOTH, y), number(tick, column), INK, face, anchor="rm")
    for ratio in scaling.ratios:
        x, _ = inside.at(ratio, ticks[0])
        draw.line((x, bottom, x, bottom + 4 * _SMOOTH), fill=INK, width=_SMOOTH)
        draw.text((x, bottom + 6 * _SMOOTH), f"{ratio:g}", INK, face, anchor="ma")
    draw.line((left, bottom, right, bottom), fill=INK, width=_SMOOTH)
    heading = "".join(_WORDS.get(letter, letter) for letter in " ".join(column.heading()))
    draw.text((left, (corner[1] + 10) * _SMOOTH), heading, INK, font(14 * _SMOOTH))
    draw.text(((left + right) / 2, bottom + 21 * _SMOOTH), "synthetic : real", INK, face, anchor="ma")
    return inside


def _draw_band(draw: ImageDraw.ImageDraw, inside: _Box, line: Line, colour: tuple[int, int, int]) -> None:
    cells = sorted(line.cells.items())
    band = [(ratio, cell.low, cell.high) for ratio, cell in cells if cell.low is not None and cell.high is not None]
    if len(band) > 1:
        upper = [inside.at(ratio, high) for ratio, _, high in band]
        lower = [inside.at(ratio, low) for ratio, low, _ in reversed(band)]
        draw.polygon([*upper, *lower], fill=(*colour, _PALE))


def _draw_line(draw: ImageDraw.ImageDraw, inside: _Box, line: Line, colour: tuple[int, int, int]) -> None:
    known = [(ratio, cell.value) for ratio, cell in sorted(line.cells.items()) if cell.value is not None]
    points = [inside.at(ratio, value) for ratio, value in known]
    if len(points) > 1:
        draw.line(points, fill=colour, width=2 * _SMOOTH, joint="curve")
    for (ratio, _), (x, y) in zip(known, points, strict=True):
        r = 4 * _SMOOTH
        fill = PAPER if ratio == 0 else colour
        draw.ellipse((x - r, y - r, x + r, y + r), fill=fill, outline=colour, width=2 * _SMOOTH)


def _extent(cells: Sequence[Cell]) -> tuple[float, float]:
    """Return the least and the largest value or bound."""
    numbers = [one for cell in cells for one in (cell.value, cell.low, cell.high) if one is not None]
    return min(numbers), max(numbers)
