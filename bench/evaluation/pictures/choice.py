"""Which samples are shown: the same in every run of a dataset, since nothing is drawn at random."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from bench.contract import Sample

Item = TypeVar("Item")
Worth = tuple[int, ...]
_STEPS = 8


def worth(counts: Sequence[int], rare: Sequence[int]) -> Worth:
    """Return how much a patch shows: the number of rare classes (ids), of classes, and of nuclei.

    >>> worth((4, 0, 1), rare=(3,))
    (1, 2, 5)
    """
    return sum(counts[kind - 1] > 0 for kind in rare), sum(count > 0 for count in counts), sum(counts)


def spread(worths: Sequence[Worth], n: int) -> list[int]:
    """Return at most `n` positions: of each of `n` equal stretches of a sequence that which is worth most.

    The first of equals is chosen; what is worth nothing is left out.

    >>> spread([(0, 3), (1, 1), (0, 0), (0, 2), (0, 2)], 2)
    [1, 3]
    >>> spread([(0, 0), (0, 0)], 2)
    []
    """
    stretches = [part for part in np.array_split(np.arange(len(worths)), n) if len(part)] if n else []
    best = [max(stretch.tolist(), key=lambda at: (worths[at], -at)) for stretch in stretches]
    return [at for at in best if any(worths[at])]


def evenly(items: Sequence[Item], n: int) -> list[Item]:
    """Return at most `n` of some items, evenly spread over them.

    >>> evenly([1, 2, 3, 4, 5, 6], 2), evenly([7], 2)
    ([2, 5], [7])
    """
    take = min(n, len(items))
    return [items[round((at + 0.5) * len(items) / take - 0.5)] for at in range(take)]


def busiest_window(sample: Sample, size: int, rare: Sequence[int]) -> tuple[int, int, int, int]:
    """Return (y, x, height, width) of the window with the most nuclear pixels, of rare classes if there are any.

    Windows are at nine positions per axis; the first of equals is chosen.
    """
    height, width = (min(size, side) for side in sample.image.shape[:2])
    shown = np.zeros(sample.image.shape[:2], bool) if sample.instances is None else sample.instances > 0
    if sample.instances is not None and sample.types is not None and np.isin(sample.types, rare).any():
        shown = np.concatenate([[False], np.isin(sample.types, rare)])[sample.instances]
    starts = [
        np.linspace(0, side - part, _STEPS + 1).round().astype(int)
        for side, part in zip(shown.shape, (height, width), strict=True)
    ]
    found = [(-int(shown[y : y + height, x : x + width].sum()), int(y), int(x)) for y in starts[0] for x in starts[1]]
    _, y, x = min(found)
    return y, x, height, width


def around(centre: Sequence[float], size: int, shape: Sequence[int]) -> tuple[int, int, int, int]:
    """Return (y, x, height, width) of the window of `size` pixels inside an image whose middle is nearest to a point.

    >>> around((2.0, 50.0), 10, (40, 60))
    (0, 45, 10, 10)
    """
    parts = [min(size, side) for side in shape[:2]]
    corner = [
        int(np.clip(round(at - part / 2), 0, side - part)) for at, part, side in zip(centre, parts, shape, strict=False)
    ]
    return corner[0], corner[1], parts[0], parts[1]
