"""Orientation tags of EXIF and TIFF: how a stored image is turned to be upright."""

from __future__ import annotations

import numpy as np

UPRIGHT = 1
TAG = 274
_TURNS = {
    1: (0, False),
    2: (0, True),
    3: (2, False),
    4: (2, True),
    5: (1, True),
    6: (3, False),
    7: (3, True),
    8: (1, False),
}
"""Quarter turns anticlockwise, and whether the stored image is mirrored from left to right before."""


def as_orientation(value: object) -> int:
    """Return the value of a tag; 1 for a value that the standards do not define, which all programs ignore."""
    return value if isinstance(value, int) and value in _TURNS else UPRIGHT


def swaps_axes(orientation: int) -> bool:
    """Return whether the upright image is as wide as the stored one is high."""
    return orientation >= 5


def upright(array: np.ndarray, orientation: int) -> np.ndarray:
    """Return an image (h, w, ...) as its orientation tag says that it is to be seen."""
    turns, mirrored = _TURNS[orientation]
    if orientation == UPRIGHT:
        return array
    return np.ascontiguousarray(np.rot90(array[:, ::-1] if mirrored else array, turns))
