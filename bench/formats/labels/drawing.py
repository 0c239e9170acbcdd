"""Drawing of outlines as a label map; what is repaired, cut off or left out is counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int32, Int64

from bench.errors import DataError
from bench.formats.labels.canonical import contiguous
from bench.formats.outlines import covered, crosses_itself
from bench.formats.polygons import EDGE, Outline, Part, Ring

_FEW = "outlines of fewer than 3 points left out"
_CROSSING = "outlines that cross themselves, filled wherever they go round"
_HOLES = "outlines whose holes are not inside of them, filled without what the holes cover"
_CUT = "nuclei cut off at the border of the image"
_OUTSIDE = "nuclei outside of the image left out"
_TINY = "nuclei that cover the centre of no pixel left out"
_OVERLAP = "nuclei that cover pixels of an earlier one"
_HIDDEN = "nuclei completely under later ones left out"


class Drawn(NamedTuple):
    """Instances with ids exactly 1..n in the order of the file, the place of each there, and remarks."""

    instances: Int32[np.ndarray, "h w"]
    places: Int64[np.ndarray, " n"]
    notes: Counter[str]


def draw(nuclei: Sequence[Outline], size: tuple[int, int], path: object) -> Drawn:
    """Return the nuclei of outlines filled in the order of the file: where two overlap, the later covers the earlier.

    A pixel belongs to a nucleus when its centre is inside an outline or on its border. An outline that crosses itself
    is filled wherever it goes round at least once, as `shapely.make_valid(method="structure")` repairs it.

    Args:
        nuclei: what to draw.
        size: height and width of the image.
        path: the file, for errors.

    Raises:
        DataError: at least half of the outlines are outside of the image, or all would be inside if x and y were
            swapped.
    """
    _check_place(nuclei, size, path)
    instances = np.zeros(size, np.int32)
    notes: Counter[str] = Counter()
    kept = []
    for place, nucleus in enumerate(nuclei):
        mask, window = _mask(nucleus, size, notes)
        if not mask.any():
            continue
        kept.append(place)
        under = instances[window]
        notes[_OVERLAP] += bool(np.any(under[mask]))
        under[mask] = len(kept)
    instances, ids = contiguous(instances)
    notes[_HIDDEN] += len(kept) - len(ids)
    return Drawn(instances, np.array(kept, np.int64)[ids - 1], +notes)


def _mask(
    nucleus: Outline, size: tuple[int, int], notes: Counter[str]
) -> tuple[Bool[np.ndarray, "a b"], tuple[slice, slice]]:
    """Return the pixels of a nucleus and their window of the image; what is wrong with it is counted."""
    if nucleus.mask is not None:
        notes[_TINY] += not nucleus.mask.any()
        (top, left), (height, width) = nucleus.corner, nucleus.mask.shape
        return nucleus.mask, (slice(top, top + height), slice(left, left + width))
    parts = [part for part in nucleus.parts if len(np.unique(part[0], axis=0)) >= 3]
    if len(parts) < len(nucleus.parts) or not parts:
        notes[_FEW] += max(len(nucleus.parts) - len(parts), 1)
    if not parts:
        return np.zeros((0, 0), bool), (slice(0, 0), slice(0, 0))
    for part in parts:
        if problem := _problem(part):
            notes[problem] += 1
    low, high = nucleus.vertices.min(axis=0), nucleus.vertices.max(axis=0)
    window = tuple(
        slice(max(int(np.floor(low[axis])), 0), max(min(int(np.ceil(high[axis])) + 1, size[1 - axis]), 0))
        for axis in (1, 0)
    )
    rows, columns = window
    mask = np.zeros((max(rows.stop - rows.start, 0), max(columns.stop - columns.start, 0)), bool)
    for part in parts:
        mask |= _filled([points - [columns.start, rows.start] for points in part], mask.shape)
    outside = _outside(nucleus, size)
    notes[_OUTSIDE] += outside
    notes[_TINY] += not outside and not mask.any()
    reach = 2 * EDGE  # outlines along the border often reach half a pixel or one beyond it
    notes[_CUT] += bool(mask.any()) and bool(np.any(low < -reach) or np.any(high[::-1] > np.array(size) - 1 + reach))
    return mask, (rows, columns)


def _filled(part: Sequence[Ring], shape: tuple[int, ...]) -> Bool[np.ndarray, "a b"]:
    """Return the pixels inside the outer ring and not inside a hole; the border of a hole is inside."""
    filled = np.zeros(shape, bool)
    for index, points in enumerate(part):
        inside, window = covered(points, (shape[0], shape[1]), border=index == 0)
        if index == 0:
            filled[window] = inside
        else:
            filled[window] &= ~inside
    return filled


def _problem(part: Part) -> str:
    """Return what is wrong with a polygon, as a remark; "" if it is valid or only touches itself."""
    # imported here: cards are read without it
    import shapely

    shell, *holes = part
    holes = [hole for hole in holes if len(hole) >= 3]
    if shapely.is_valid(shapely.Polygon(shell, holes)):
        return ""
    if any(crosses_itself(points) for points in (shell, *holes)):
        return _CROSSING
    if not holes:  # it only touches itself, as outlines of pixels often do
        return ""
    around = shapely.make_valid(shapely.Polygon(shell))
    inside = [shapely.make_valid(shapely.Polygon(hole)) for hole in holes]
    union = shapely.union_all(inside)
    apart = np.isclose(union.area, sum(hole.area for hole in inside))
    return "" if apart and around.covers(union) else _HOLES


def _check_place(nuclei: Sequence[Outline], size: tuple[int, int], path: object) -> None:
    outlined = [nucleus for nucleus in nuclei if len(nucleus.vertices)]
    outside = [nucleus for nucleus in outlined if _outside(nucleus, size)]
    if not outside:
        return
    swapped = not all(_inside(nucleus, size) for nucleus in outside) and all(
        _inside(nucleus, size[::-1]) for nucleus in outlined
    )
    if not swapped and 2 * len(outside) < len(outlined):
        return
    (left, top), (right, bottom) = outside[0].vertices.min(axis=0), outside[0].vertices.max(axis=0)
    raise DataError(
        f"Outlines in {path} are outside of their image",
        got=f"{len(outside)} of {len(outlined)}, for example {outside[0].where} at x {left:.0f} to {right:.0f}, "
        f"y {top:.0f} to {bottom:.0f} in an image of {size[0]} x {size[1]} (height x width)",
        fix="swap x and y: all of them are then inside"
        if swapped
        else "give the outlines in pixels of this image, counted from its upper left corner",
    )


def _outside(nucleus: Outline, size: tuple[int, int]) -> bool:
    low, high = nucleus.vertices.min(axis=0), nucleus.vertices.max(axis=0)
    return bool(np.any(high < -EDGE) or np.any(low[::-1] > np.array(size) - EDGE))


def _inside(nucleus: Outline, size: tuple[int, ...]) -> bool:
    low, high = nucleus.vertices.min(axis=0), nucleus.vertices.max(axis=0)
    return bool(np.all(low >= -2 * EDGE) and np.all(high[::-1] <= np.array(size)))
