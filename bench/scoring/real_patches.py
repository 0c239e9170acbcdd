"""Real patches of a dataset for people to look at: of the size and resolution of a synthetic set's images."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt8

from bench.datasets.prepared.resample import fit_square, resample
from bench.datasets.source import DatasetSource
from bench.errors import DataError
from bench.track import track_of


class Patch(NamedTuple):
    """One patch: the id of its tile, the slide or patient, and the name of its class, empty if it has none."""

    id: str
    group: str
    label: str
    image: UInt8[np.ndarray, "h w 3"]


def real_patches(
    source: DatasetSource,
    split: str,
    order: Sequence[int],
    shape: tuple[int, int],
    mpp: float,
    below: Callable[[int, str], int],
) -> Iterator[Patch]:
    """Yield patches of a split, one per tile until all tiles were read, then a second one per tile, and so on.

    Patches of one tile do not overlap. Images of which the class or caption describes the whole are fitted into the
    shape, as runs do; patches are cut from the others.

    Args:
        source: the dataset.
        split: name of the split.
        order: places of tiles in the split, in the order in which they are read.
        shape: height and width of patches.
        mpp: micrometres per pixel of patches cut from tiles.
        below: returns a random number from 0 to n - 1, given n and the id of a tile.

    Raises:
        DataError: a tile is smaller than a patch, or coarser than `mpp`.
    """
    whole = track_of(source.card).whole
    turn, most = 0, 1
    while turn < most:
        for index in order:
            sample = source.read(split, index)
            label = "" if sample.label is None else source.card.labels[sample.label]
            if whole:
                image = fit_square(sample, shape[0]).image
                if image.shape[:2] != shape:
                    got = f"{image.shape[1]}x{image.shape[0]} and {shape[1]}x{shape[0]}"
                    raise DataError("Images of this dataset are squares, and those of the sets are not", got=got)
                yield Patch(sample.id, sample.group, label, image)
                continue
            image = resample(sample, mpp).image
            rows, columns = (side // length for side, length in zip(image.shape[:2], shape, strict=True))
            if not rows * columns:
                got = f"{sample.id} of {image.shape[1]}x{image.shape[0]} px at {mpp:g} um per pixel"
                raise DataError(f"A tile is smaller than the sets' images of {shape[1]}x{shape[0]} px", got=got)
            most = max(most, rows * columns)
            if turn < rows * columns:
                place = (below(rows * columns, sample.id) + turn) % (rows * columns)
                y, x = (place // columns) * shape[0], (place % columns) * shape[1]
                yield Patch(f"{sample.id}@{y},{x}", sample.group, label, image[y : y + shape[0], x : x + shape[1]])
        turn += 1
