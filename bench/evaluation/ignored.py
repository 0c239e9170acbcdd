"""Instance maps without what must not count, and the classes of nuclei that have none."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Int32, UInt8

from bench.errors import DataError

ONE_CLASS = 1
"""The class of every nucleus where nuclei have no classes, so that the same code can pair and count them."""


def classes_of(instances: Int32[np.ndarray, "h w"], types: UInt8[np.ndarray, " n"] | None) -> UInt8[np.ndarray, " n"]:
    """Return the class of each nucleus 1..n of a map: `ONE_CLASS` if nuclei have no classes."""
    return np.full(int(instances.max(initial=0)), ONE_CLASS, np.uint8) if types is None else types


def without_ignored(
    instances: Int32[np.ndarray, "h w"], types: UInt8[np.ndarray, " n"], ignore: Bool[np.ndarray, "h w"] | None
) -> tuple[Int32[np.ndarray, "h w"], UInt8[np.ndarray, " n"]]:
    """Return an instance map and its types without ignored instances; unchanged if `ignore` is None.

    Ignored pixels become background, and so does the rest of an instance of which more than half is ignored: a nucleus
    found in an ambiguous region must not count as a false positive because of a sliver that crosses its border. Ids are
    1..n again, in their old order. MoNuSAC's own script blanks only the pixels of predictions and keeps slivers.

    Raises:
        DataError: `ignore` is not of the map's size.
    """
    if ignore is None:
        return instances, types
    if ignore.shape != instances.shape:
        raise DataError(
            "The mask of ignored pixels is not of the map's size", got=f"{ignore.shape} and {instances.shape}"
        )
    area, ignored = (np.bincount(ids, minlength=len(types) + 1) for ids in (instances.ravel(), instances[ignore]))
    kept = (2 * ignored <= area) & (area > 0)
    kept[0] = False
    table = np.where(kept, np.cumsum(kept), 0).astype(np.int32)
    return np.where(ignore, np.int32(0), table[instances]), types[kept[1:]]
