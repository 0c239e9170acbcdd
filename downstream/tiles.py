"""Inference on tiles: windows whose outputs cover the image exactly, stitched into whole maps."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, UInt8

SEAM = 64
"""Context in pixels of windows that meet inside an image; the small networks see no further, so no seam shows."""

Apply = Callable[[UInt8[np.ndarray, "n i j 3"]], Float32[np.ndarray, "n c p q"]]


class Windows(NamedTuple):
    """Division of an axis of `length` pixels: outputs of `output` pixels start at 0, `output`, 2 `output`, ...

    Each input of `size` pixels extends `margin` pixels before its output, and the remaining pixels follow the output.
    """

    length: int
    size: int
    output: int

    @property
    def starts(self) -> range:
        """Positions at which the outputs start."""
        return range(0, self.length, self.output)

    @property
    def margin(self) -> int:
        """Number of context pixels before each output."""
        return (self.size - self.output) // 2

    @property
    def padding(self) -> tuple[int, int]:
        """Number of pixels to add before and after the axis."""
        covered = self.starts[-1] + self.size
        return self.margin, covered - self.margin - self.length


def window_count(height: int, width: int, size: int, output: int) -> int:
    """Return how many windows cover an image, which is the number of patches that it is cut into.

    >>> window_count(1000, 1000, 256, 164)
    49
    """
    return len(Windows(height, size, output).starts) * len(Windows(width, size, output).starts)


def whole(length: int, largest: int, margin: int, align: int) -> Windows:
    """Cut an axis into as few equal windows as `largest` allows, with inputs divisible by `align`.

    This is for networks that keep the size ("same" convolutions): each output is the middle of its window, `margin`
    pixels away from the border, where padding would have an effect. Several windows have at least `SEAM` pixels, so
    that they agree where they meet.
    """
    pieces = math.ceil(length / largest)
    if pieces > 1:
        margin = max(margin, SEAM)
    size = math.ceil((math.ceil(length / pieces) + 2 * margin) / align) * align
    return Windows(length, size, size - 2 * margin)


def cut(
    image: UInt8[np.ndarray, "h w 3"], rows: Windows, columns: Windows, batch: int
) -> Iterator[tuple[list[tuple[int, int]], UInt8[np.ndarray, "n i j 3"]]]:
    """Yield batches of windows with the (y, x) at which their outputs start; the image is mirrored at its border."""
    padded = np.pad(image, (rows.padding, columns.padding, (0, 0)), mode="reflect")
    corners = [(y, x) for y in rows.starts for x in columns.starts]
    for first in range(0, len(corners), batch):
        chunk = corners[first : first + batch]
        yield chunk, np.stack([padded[y : y + rows.size, x : x + columns.size] for y, x in chunk])


def predict_maps(
    image: UInt8[np.ndarray, "h w 3"], apply: Apply, rows: Windows, columns: Windows, batch: int
) -> Float32[np.ndarray, "h w c"]:
    """Predict an image window by window and stitch the outputs.

    Args:
        image: the image.
        apply: the network, called on windows of `rows.size` x `columns.size`; if outputs are larger than `rows.output`
            x `columns.output`, the middle is kept.
        rows: how the height is cut.
        columns: how the width is cut.
        batch: number of windows predicted at a time.
    """
    stitched = np.empty((*image.shape[:2], 0), np.float32)
    for corners, windows in cut(image, rows, columns, batch):
        outputs = np.moveaxis(apply(windows), 1, -1)
        if not stitched.shape[2]:
            stitched = np.empty((*image.shape[:2], outputs.shape[-1]), np.float32)
        top, left = (outputs.shape[1] - rows.output) // 2, (outputs.shape[2] - columns.output) // 2
        for (y, x), output in zip(corners, outputs, strict=True):
            place = stitched[y : y + rows.output, x : x + columns.output]
            place[:] = output[top : top + place.shape[0], left : left + place.shape[1]]
    return stitched
