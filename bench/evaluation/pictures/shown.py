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


def said_of_nuclei(labels: Labels | None, classes: Sequence[str]) -> str:
    """Return the numbers of nuclei in words, the most frequent class first; only their number without classes.

    >>> labels = Labels(np.array([[1, 2, 3]], np.int32), np.array([1, 2, 2], np.uint8))
    >>> said_of_nuclei(labels, ("round", "long"))
    '3 nuclei (2 long, 1 round)'
    >>> said_of_nuclei(labels, ())
    '3 nuclei'
    >>> said_of_nuclei(None, ("round", "long"))
    'no nuclei'
    """
    if labels is None or not len(labels.types):
        return "no nuclei"
    types = labels.types
    total = f"{len(types)} nuclei" if len(types) > 1 else "1 nucleus"
    if not classes:
        return total
    counts = {"of no class": int((types == 0).sum())}
    counts |= dict(zip(classes, count_nuclei(types, len(classes)), strict=True))
    of_class = sorted((-count, name) for name, count in counts.items() if count)
    return f"{total} ({', '.join(f'{-count} {name}' for count, name in of_class)})"


def labels_of(sample: Sample) -> Labels | None:
    """Return the labels of a sample, of class 0 where nuclei have no classes; None if its nuclei are not known."""
    if sample.instances is None:
        return None
    n = int(sample.instances.max(initial=0))
    return Labels(sample.instances, np.zeros(n, np.uint8) if sample.types is None else sample.types)


def share(value: float) -> str:
    """Return a number in [0, 1] with two decimals and no leading zero.

    >>> share(0.414), share(1.0), share(float("nan"))
    ('.41', '1.00', 'undefined')
    """
    if math.isnan(value):
        return "undefined"
    return f"{value:.2f}".removeprefix("0")
