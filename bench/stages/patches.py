"""Patches of real tiles: seeded random windows, spread evenly over tiles, with their labels."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt8

from bench.contract import Dataset, Sample
from bench.engine.context import derive_seed
from bench.errors import DataError
from bench.formats.labels.canonical import contiguous


class Window(NamedTuple):
    """A square window of one tile, with the tile as it was read."""

    sample: Sample
    y: int
    x: int
    size: int

    @property
    def image(self) -> UInt8[np.ndarray, "size size 3"]:
        """The pixels of the window."""
        return self.sample.image[self.y : self.y + self.size, self.x : self.x + self.size]


def random_windows(data: Dataset, indices: Sequence[int], n: int, size: int, seed: int) -> Iterator[Window]:
    """Yield `n` windows of `size` pixels of the tiles `indices`, tile by tile; each tile is read once.

    Tiles take turns, in a seeded order, so that their numbers of windows differ by at most one; positions are uniform.

    Raises:
        DataError: a tile is smaller than the window.
    """
    rng = np.random.default_rng(derive_seed(seed, "crops"))
    order = rng.permutation(np.asarray(indices))
    counts = np.bincount(np.arange(n) % len(order), minlength=len(order))
    for index, count in zip(order, counts, strict=True):
        if count == 0:
            continue
        sample = data[int(index)]
        h, w = sample.image.shape[:2]
        if h < size or w < size:
            raise DataError(
                f"A tile is smaller than a patch, which needs at least {size} px",
                got=f"{sample.id} of {h}x{w}",
                fix="choose a smaller --set patch=N",
            )
        for _ in range(count):
            yield Window(sample, int(rng.integers(h - size + 1)), int(rng.integers(w - size + 1)), size)


def cut(window: Window) -> Sample:
    """Return a window as a sample: its image, labels and ignored pixels; ids become 1..k in their old order.

    The sample keeps the tile's id; fragments of nuclei at the border stay, however small.
    """
    return cut_rectangle(window.sample, window.y, window.x, window.size, window.size)


def cut_rectangle(sample: Sample, y: int, x: int, height: int, width: int) -> Sample:
    """Return the `height` x `width` pixels at (y, x) of a sample as a new sample; see :func:`cut`."""
    inside = (slice(y, y + height), slice(x, x + width))
    image = sample.image[inside]
    ignore = None if sample.ignore is None else sample.ignore[inside]
    if sample.instances is None:
        return dataclasses.replace(sample, image=image, ignore=ignore)
    instances, kept = contiguous(sample.instances[inside])
    types = None if sample.types is None else sample.types[kept - 1]
    return dataclasses.replace(sample, image=image, instances=instances, types=types, ignore=ignore)
