"""What GradMix needs to know about nuclei: positions, areas, bounding boxes and classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int32, Int64, UInt8
from scipy import ndimage

Box = tuple[slice, slice]


@dataclass(frozen=True)
class Nuclei:
    """Measurements of the nuclei of one tile; entry i belongs to instance i + 1.

    `centroids` are (row, column) in pixels and are always computed from the map, because stored ones are (x, y) and may
    be out of date. `boxes` hold None if no pixel has the id.
    """

    areas: Int64[np.ndarray, " n"]
    centroids: Float64[np.ndarray, "n 2"]
    boxes: list[Box | None]
    shape: tuple[int, int]

    def inside(self, border: float) -> Bool[np.ndarray, " n"]:
        """Return which centroids are at least `border` pixels away from every border of the tile."""
        far = np.array(self.shape) - 1 - border
        return np.asarray((self.areas > 0) & np.all((self.centroids >= border) & (self.centroids <= far), axis=1))


def measure(instances: Int32[np.ndarray, "h w"], n: int) -> Nuclei:
    """Measure the `n` nuclei of an instance map."""
    areas = np.bincount(instances.ravel(), minlength=n + 1)[1:]
    rows, columns = np.nonzero(instances)
    ids = instances[rows, columns]
    sums = np.stack([np.bincount(ids, weights=axis, minlength=n + 1)[1:] for axis in (rows, columns)], axis=1)
    boxes = ndimage.find_objects(instances, max_label=n) if n else []
    return Nuclei(areas, sums / np.maximum(areas, 1)[:, None], boxes, (instances.shape[0], instances.shape[1]))


def class_counts(types: UInt8[np.ndarray, " n"], classes: Sequence[str]) -> dict[str, int]:
    """Count the nuclei of each class; `classes[i]` names class i + 1.

    >>> class_counts(np.array([1, 2, 2], np.uint8), ("other", "inflammatory", "spindle"))
    {'other': 1, 'inflammatory': 2, 'spindle': 0}
    """
    counts = np.bincount(types, minlength=len(classes) + 1)[1:]
    return {name: int(count) for name, count in zip(classes, counts, strict=True)}
