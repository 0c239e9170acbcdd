"""Nuclei as outlines: what the readers of outline formats return."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Bool, Float64

from bench.errors import DataError

Ring = Float64[np.ndarray, "n 2"]
Part = tuple[Ring, ...]
"""A polygon: its outer ring, then its holes."""

MOST_VERTICES = 10_000
"""Per ring; the time that a search for crossings takes grows with its square."""

_FURTHEST = 1e6  # px; images are smaller
EDGE = 0.5
"""Pixels from the centre of a pixel to its edge."""
_REDRAW = "draw it again as a closed outline, or take it out of the file"


@dataclass(frozen=True)
class Outline:
    """One nucleus as the union of polygons, or as a mask whose first pixel is at `corner` (row, column) of the image.

    Vertices are (x, y) in pixels, and the point (c, r) is the centre of the pixel in column c and row r. `where` names
    the object in its file ("feature 3"). Its class is a `name` or a number, `kind`; it has none if both are None.
    """

    where: str
    parts: tuple[Part, ...] = ()
    name: str | None = None
    kind: int | None = None
    mask: Bool[np.ndarray, "a b"] | None = None
    corner: tuple[int, int] = (0, 0)

    @property
    def vertices(self) -> Float64[np.ndarray, "n 2"]:
        """The vertices of all outer rings."""
        return np.concatenate([part[0] for part in self.parts]) if self.parts else np.zeros((0, 2))


@dataclass(frozen=True)
class Outlines:
    """The nuclei of one image in the order of its file; `size` (height, width) if the file gives it; remarks."""

    nuclei: tuple[Outline, ...]
    size: tuple[int, int] | None = None
    notes: Counter[str] = field(default_factory=Counter)

    @property
    def extent(self) -> tuple[int, int]:
        """Height and width of the smallest image, from (0, 0) on, that holds all vertices; at least one pixel."""
        vertices = [nucleus.vertices for nucleus in self.nuclei if len(nucleus.vertices)]
        if not vertices:
            return 1, 1
        width, height = np.ceil(np.concatenate(vertices).max(axis=0) - EDGE).astype(int) + 1
        return max(int(height), 1), max(int(width), 1)


def ring(points: Any, where: str, offset: float = 0.0) -> Ring:
    """Return the vertices of a ring in a JSON file, without the last one if it repeats the first.

    Args:
        points: a list of [x, y]; a third number, as GeoJSON allows, is dropped if it is the same for all.
        where: the object and its file, for errors.
        offset: pixels to subtract: 0.5 where whole numbers are the corners of pixels, 0 where they are centres.

    Raises:
        DataError: a vertex does not consist of two numbers, or is not within a million pixels, or there are too many.
    """
    if not isinstance(points, list):
        raise DataError(f"The outline of {where} is not a list of points", got=str(points)[:60], fix=_REDRAW)
    if len(points) > MOST_VERTICES:
        got = f"{len(points)} points"
        raise DataError(f"The outline of {where} has more than {MOST_VERTICES} points", got=got, fix=_REDRAW)
    for point in points:
        if not isinstance(point, list) or len(point) not in (2, 3) or not all(map(_is_number, point)):
            raise DataError(f"A point of {where} does not consist of two numbers", got=str(point)[:60], fix=_REDRAW)
    if len({tuple(point[2:]) for point in points}) > 1:
        raise DataError(f"The points of {where} are not in one plane", got="several third coordinates", fix=_REDRAW)
    vertices: Ring = np.array([point[:2] for point in points], np.float64).reshape(-1, 2)
    if not np.all(np.abs(vertices) <= _FURTHEST):  # also false for NaN
        odd = vertices[~(np.abs(vertices) <= _FURTHEST).all(axis=1)][0].tolist()
        raise DataError(f"A point of {where} is not within {_FURTHEST:.0f} px", got=str(odd), fix=_REDRAW)
    closed = len(vertices) > 1 and np.array_equal(vertices[0], vertices[-1])
    return (vertices[:-1] if closed else vertices) - offset


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
