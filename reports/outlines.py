"""Outlines of nuclei in the colours of their classes, which people tell apart whatever their colour vision."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int32, UInt8
from PIL import Image

from reports.drawing import enlarge

COLOURS = (
    *((86, 180, 233), (240, 228, 66), (0, 158, 115), (213, 94, 0)),
    *((0, 114, 178), (230, 159, 0), (204, 121, 167), (0, 0, 0), (153, 153, 153)),
)
"""Colours of classes by position (Okabe and Ito 2008, and grey), those first that differ most from H&E."""
NO_CLASS = (255, 255, 255)
"""Colour of nuclei whose class is not known."""


def class_colours(names: Sequence[str]) -> dict[str, str]:
    """Return the colour of each class as `#rrggbb`, by position.

    >>> class_colours(["epithelial", "spindle"])
    {'epithelial': '#56b4e9', 'spindle': '#f0e442'}
    """
    return {name: "#{:02x}{:02x}{:02x}".format(*_colour(place)) for place, name in enumerate(names, 1)}


def outlined(
    image: UInt8[np.ndarray, "h w 3"],
    instances: Int32[np.ndarray, "h w"] | None,
    types: UInt8[np.ndarray, " n"] | None,
    scale: float = 1,
    width: int = 1,
) -> UInt8[np.ndarray, "sh sw 3"]:
    """Resize an image and draw the outline of every instance inside it, in its class's colour.

    Args:
        image: the image.
        instances: ids 0..n of its pixels; without them, nothing is drawn.
        types: the class of each instance, 0 for no class.
        scale: by which the image is resized.
        width: of the outlines, in pixels of the resized image.
    """
    drawn = enlarge(image, scale)
    if instances is None or types is None:
        return drawn
    size = drawn.shape[1], drawn.shape[0]
    labels = np.array(Image.fromarray(instances.astype(np.int32)).resize(size, Image.Resampling.NEAREST))
    edge = _edges(labels, width)
    palette = np.array([NO_CLASS, *(_colour(kind) for kind in types.tolist())], np.uint8)
    drawn[edge] = palette[labels[edge]]
    return drawn


def _edges(labels: Int32[np.ndarray, "h w"], width: int) -> np.ndarray:
    """Return the pixels of instances that are at most `width` pixels from another instance or the background."""
    edge = np.zeros(labels.shape, bool)
    for axis in (0, 1):
        for step in range(1, width + 1):
            for side in (step, -step):
                other = labels != np.roll(labels, side, axis)
                # the frame of a patch is not an outline: a nucleus that is cut by it stays open
                other[_beyond(axis, side)] = False
                edge |= other
    return edge & (labels > 0)


def _beyond(axis: int, step: int) -> tuple[slice, ...]:
    """Return the pixels that a roll takes from the opposite side of an image."""
    rolled = slice(None, step) if step > 0 else slice(step, None)
    return (rolled,) if axis == 0 else (slice(None), rolled)


def _colour(kind: int) -> tuple[int, int, int]:
    return NO_CLASS if kind == 0 else COLOURS[(kind - 1) % len(COLOURS)]
