"""A picture that a run shows, before it is drawn; and how its words are said."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Int32, UInt8

from bench.contract import Sample, count_nuclei
from bench.results.evidence import Gallery

PATCH, TILE = 192, 384
"""Pixels along the longer side of the largest pictures of patches and of tiles."""


class Labels(NamedTuple):
    """Nuclei to outline: instance ids 0..n of pixels, and the class of each instance, 0 for no class."""

    instances: Int32[np.ndarray, "h w"]
    types: UInt8[np.ndarray, " n"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Shown:
    """An image of a gallery; the attributes are those of `bench.results.evidence.Picture`.

    `labels` are outlined in the colours of their classes. `longest` is the longer side of the picture in pixels; a
    larger image is reduced.
    """

    gallery: Gallery
    row: str
    column: str
    image: UInt8[np.ndarray, "h w 3"]
    alt: str
    labels: Labels | None = None
    caption: str = ""
    note: str = ""
    value: float | None = None
    longest: int = PATCH


def place(tile: str, y: int, x: int) -> str:
    """Return the name of a window, the same in every run.

    >>> place("t3", 4, 8)
    't3, row 4, column 8'
    """
    return f"{tile}, row {y}, column {x}"


def said_of_nuclei(types: UInt8[np.ndarray, " n"] | None, classes: Sequence[str]) -> str:
    """Return the numbers of nuclei in words, the most frequent class first.

    >>> said_of_nuclei(np.array([1, 2, 2], np.uint8), ("round", "long"))
    '3 nuclei (2 long, 1 round)'
    >>> said_of_nuclei(np.array([], np.uint8), ("round", "long"))
    'no nuclei'
    """
    if types is None or not len(types):
        return "no nuclei"
    counts = {"of no class": int((types == 0).sum())}
    counts |= dict(zip(classes, count_nuclei(types, len(classes)), strict=True))
    of_class = sorted((-count, name) for name, count in counts.items() if count)
    total = f"{len(types)} nuclei" if len(types) > 1 else "1 nucleus"
    return f"{total} ({', '.join(f'{-count} {name}' for count, name in of_class)})"


def labels_of(sample: Sample) -> Labels | None:
    """Return the labels of a sample; None if its nuclei are not known."""
    if sample.instances is None or sample.types is None:
        return None
    return Labels(sample.instances, sample.types)


def share(value: float) -> str:
    """Return a number in [0, 1] with two decimals and no leading zero.

    >>> share(0.414), share(1.0), share(float("nan"))
    ('.41', '1.00', 'undefined')
    """
    if math.isnan(value):
        return "undefined"
    return f"{value:.2f}".removeprefix("0")
