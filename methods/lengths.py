"""Lengths that papers give in pixels at 40x, at the resolution of a tile."""

from __future__ import annotations

REFERENCE_MPP = 0.25
"""Micrometres per pixel at 40x, at which the published lengths hold."""


def scaled(pixels: int, mpp: float) -> int:
    """Convert a length in pixels at 40x to pixels of `mpp` micrometres: rounded half up, 0 only for 0.

    >>> scaled(5, 0.5)
    3
    """
    return max(min(pixels, 1), int(pixels * REFERENCE_MPP / mpp + 0.5))
