"""Whether instance maps can be maps of nuclei: what one map looks like, and what the maps of a folder show together.

A map of whole numbers may hold something else: a mask of the foreground, classes, grey values, ids that wrapped in
8 bits, or a background that is not 0. What cannot be nuclei is certain; what may be is only doubtful.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int, Int32

from bench.errors import DataError

MASK_PIECES = 5
"""The only id of a map is a mask of the foreground if it has so many pieces of similar size."""
FAR_PIECES = 4
"""If most ids are in pieces far apart, and these are so many, the ids are classes or grey values."""
NUCLEUS_UM2 = 2000.0
"""No nucleus is larger: the area of a circle of 50 micrometres, several times that of a large tumour nucleus."""
TIMES_MEDIAN = 20.0
"""An id that covers half of an image is doubtful if it is so many times as large as the median of the folder."""

_NEAR = 8  # pixels; pieces that are nearer than this belong together whatever the size of nuclei
_TINY = 0.02  # share of an image that 0 may have where another id is the background
_SMALL = 48  # pixels; a nucleus in a smaller image may reach all four sides
_FEWEST = 20  # nuclei; a median of fewer says nothing


@dataclass(frozen=True)
class Survey:
    """What a map with ids 1..n looks like.

    `areas` are the pixels of 0 and of each id. `pieces` is the largest number of pieces of an id, without pieces below
    a tenth of its largest. `scattered` ids have a piece that is farther from their largest than this is long and than
    two nuclei of the map are, and `far` counts such pieces. `framed` says whether the largest id reaches all four
    sides and covers half of the border; if it is the only id, `holes` is the share of the image in its holes.
    `shortest` is the shorter side of the image.
    """

    areas: Int[np.ndarray, " n+1"]
    shortest: int
    pieces: int = 0
    scattered: int = 0
    far: int = 0
    framed: bool = False
    holes: float = 0.0

    @property
    def n(self) -> int:
        """Number of ids."""
        return len(self.areas) - 1

    @property
    def largest(self) -> int:
        """Pixels of the largest id."""
        return int(self.areas[1:].max(initial=0))

    @property
    def share(self) -> float:
        """Share of the image that the largest id covers."""
        return self.largest / int(self.areas.sum())


class Doubt(NamedTuple):
    """What some maps show; `certain` if they cannot be maps of nuclei."""

    certain: bool
    names: tuple[str, ...]
    message: str
    fix: str

    @property
    def where(self) -> str:
        """The map, or the number of maps and the first of them."""
        return self.names[0] if len(self.names) == 1 else f"{len(self.names)} files, the first {self.names[0]}"


def survey(instances: Int32[np.ndarray, "h w"]) -> Survey:
    """Return what a map with ids exactly 1..n looks like."""
    areas, shortest = np.bincount(instances.ravel(), minlength=1), min(instances.shape)
    if len(areas) == 1:
        return Survey(areas, shortest)
    largest = instances == int(areas[1:].argmax()) + 1
    sides = (largest[0], largest[-1], largest[:, 0], largest[:, -1])
    framed = all(bool(side.any()) for side in sides) and float(np.concatenate(sides).mean()) >= 0.5
    holes = _holes(largest) if framed and len(areas) == 2 else 0.0
    return Survey(areas, shortest, *_pieces(instances, len(areas) - 1), framed, holes)


def doubts(surveys: Mapping[str, Survey], mpp: float, *, drawn: bool = True) -> list[Doubt]:
    """Return what the maps of a folder show, at most one doubt for each map; first what is certain.

    Args:
        surveys: the maps, by name.
        mpp: micrometres per pixel.
        drawn: whether they are labels and not predictions, of which one may cover the image and is only bad.
    """
    folder = _folder(surveys, mpp)
    found: dict[_Rule, list[str]] = defaultdict(list)
    for name, each in surveys.items():
        rule = next((rule for rule in _RULES if rule.applies(each, folder)), None)
        if rule is not None:
            found[rule].append(name)
    listed = [
        Doubt(rule.certain and (drawn or not rule.labels), tuple(names), rule.says(surveys[names[0]]), rule.fix)
        for rule, names in found.items()
    ]
    return sorted(listed, key=lambda doubt: not doubt.certain)


def refuse(surveys: Mapping[str, Survey], mpp: float, *, drawn: bool = True) -> list[str]:
    """Raise an error if maps cannot be maps of nuclei; return what is doubtful about them, a line each.

    Raises:
        DataError: a doubt is certain.
    """
    found = doubts(surveys, mpp, drawn=drawn)
    for doubt in found:
        if doubt.certain:
            raise DataError(f"The labels are not nuclei: {doubt.where}", got=doubt.message, fix=doubt.fix)
    return [f"{doubt.where}: {doubt.message}" for doubt in found]


class _Folder(NamedTuple):
    """What is known from all maps: whether they are masks, the median area of nuclei, and the largest possible one."""

    masks: bool
    median: float | None
    most: float


def _folder(surveys: Mapping[str, Survey], mpp: float) -> _Folder:
    holding = [each for each in surveys.values() if each.n]
    several = sum(each.pieces > 1 for each in holding)
    # one tile may show one nucleus in two pieces, but not all tiles of a folder
    masks = len(holding) >= 3 and all(each.n == 1 for each in holding) and 2 * several >= len(holding)
    areas = [int(area) for each in holding for area in each.areas[1:]]
    return _Folder(masks, median(areas) if len(areas) >= _FEWEST else None, NUCLEUS_UM2 / mpp**2)


class _Rule(NamedTuple):
    """What a map may show; `labels` says that a prediction may show it and is only bad."""

    certain: bool
    applies: Callable[[Survey, _Folder], bool]
    says: Callable[[Survey], str]
    fix: str
    labels: bool = False


def _background(each: Survey, folder: _Folder) -> bool:
    """Whether an id frames the image, and 0 is absent or covers no more than a nucleus."""
    if not each.framed or each.n < 2:
        return False
    second = int(np.partition(each.areas[1:], -2)[-2])
    absent = each.areas[0] <= max(_TINY * each.areas.sum(), second)
    return bool(absent) and (each.shortest >= _SMALL or each.n > 3)


def _large(each: Survey, folder: _Folder) -> bool:
    return each.n > 0 and each.share > 0.5 and folder.median is not None and each.largest > TIMES_MEDIAN * folder.median


_LABEL = (
    "give every nucleus an id of its own and save the ids with 16 bits or more; skimage.measure.label numbers the "
    "parts of a mask, in which nuclei that touch are one part"
)
_ZERO = "write 0 for background: ids[ids == background] = 0, before ids are cast to a type without a sign"
# the first that applies to a map decides
_RULES = (
    _Rule(
        True,
        _background,
        lambda each: (
            f"an id is the background: it covers {each.share:.0%} of the image and reaches all four sides, "
            f"and 0 covers {each.areas[0] / each.areas.sum():.0%}"
        ),
        _ZERO,
    ),
    _Rule(
        True,
        lambda each, folder: each.n == 1 and each.framed and each.share > 0.5 and each.holes > 0.01,
        lambda each: f"the only id covers {each.share:.0%} of the image around holes: an inverted mask",
        f"invert it; then {_LABEL}",
    ),
    _Rule(
        True,
        lambda each, folder: each.n == 1 and each.pieces >= MASK_PIECES,
        lambda each: f"the only id has {each.pieces} separate pieces: a mask of the foreground",
        _LABEL,
    ),
    _Rule(
        True,
        lambda each, folder: 250 <= each.n <= 255 and each.scattered >= 0.05 * each.n,
        lambda each: (
            f"{each.n} ids, of which {each.scattered} are in pieces far apart: ids that began again after "
            "255 (8 bits), or grey values"
        ),
        "save the ids with 16 bits or more",
    ),
    _Rule(
        True,
        lambda each, folder: each.n > 1 and 2 * each.scattered >= each.n and each.far >= FAR_PIECES,
        lambda each: (
            f"{each.scattered} of {each.n} ids are in pieces far apart: classes, colours, grey values or "
            "ids between which a resize interpolated"
        ),
        f"{_LABEL}; resize ids with nearest neighbours",
    ),
    _Rule(
        True,
        lambda each, folder: folder.masks and each.pieces > 1,
        lambda each: "every file has one id, and most have it in several pieces: masks of the foreground",
        _LABEL,
    ),
    _Rule(
        True,
        lambda each, folder: each.framed and each.n > 3 and each.share > 0.5 and each.shortest >= _SMALL,
        lambda each: f"an id is the background: it covers {each.share:.0%} of the image and reaches all four sides",
        _ZERO,
        labels=True,
    ),
    _Rule(
        True,
        lambda each, folder: each.n > 0 and each.share > 0.5 and each.largest > folder.most,
        lambda each: f"one id covers {each.share:.0%} of the image, and is larger than any nucleus",
        f"{_ZERO}; or correct the resolution (mpp)",
        labels=True,
    ),
    _Rule(
        False,
        _large,
        lambda each: (
            f"one id covers {each.share:.0%} of the image, more than {TIMES_MEDIAN:g} times the median nucleus"
        ),
        _ZERO,
    ),
    _Rule(
        False,
        lambda each, folder: each.scattered > 0,
        lambda each: "an id is in pieces far apart, which count as one nucleus",
        _LABEL,
    ),
    _Rule(
        False,
        lambda each, folder: each.n == 1 and each.pieces > 2,
        lambda each: f"the only id has {each.pieces} pieces: a mask of the foreground?",
        _LABEL,
    ),
)


def _pieces(instances: Int32[np.ndarray, "h w"], n: int) -> tuple[int, int, int]:
    """Return the most pieces of an id, the number of ids with pieces far apart, and the number of those."""
    # imported here: only maps of nuclei need it
    from skimage.measure import label

    parts, count = label(instances, background=0, connectivity=2, return_num=True)  # type: ignore[no-untyped-call]
    if count == n:
        return 1, 0, 0
    rows, columns = np.nonzero(parts)
    part = parts[rows, columns] - 1
    size = np.bincount(part, minlength=count)
    owner = np.zeros(count, np.int64)
    owner[part] = instances[rows, columns]
    order = np.lexsort((-size, owner))
    main = order[np.searchsorted(owner, owner, sorter=order)]  # the largest piece of the same id
    gap, longest = np.zeros(count, np.int64), np.zeros(count, np.int64)
    for place in (rows, columns):
        begin, end = np.full(count, place.size), np.zeros(count, np.int64)
        np.minimum.at(begin, part, place)
        np.maximum.at(end, part, place + 1)
        gap = np.maximum(gap, np.maximum(begin - end[main], begin[main] - end))
        longest = np.maximum(longest, (end - begin)[main])
    typical = float(np.median(longest[np.unique(main)]))
    # what others leave visible of a nucleus may be small, but is within a nucleus's length
    far = gap > np.maximum(longest, max(2 * typical, _NEAR))
    alike = np.bincount(owner[10 * size >= size[main]])
    return int(alike.max()), len(np.unique(owner[far])), int(far.sum())


def _holes(mask: Bool[np.ndarray, "h w"]) -> float:
    """Return the share of the image in holes of a mask."""
    from scipy.ndimage import binary_fill_holes

    return float((binary_fill_holes(mask) & ~mask).mean())
