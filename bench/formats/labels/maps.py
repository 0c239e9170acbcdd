"""The content of any label file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Int32, UInt8


@dataclass(frozen=True)
class LabelMaps:
    """An instance map with ids exactly 1..n, and the other content of its file.

    `types[i]` is the class of instance i + 1, or 0 if the file gives none; None if the format has no
    classes. `image` is the RGB image of formats that keep it with the labels. `names` are the names of classes in
    files that name them, in order; it is empty where classes are numbers. `notes` counts what was changed or left out
    of outlines, and `outlined` says that the file holds these and no map.
    """

    instances: Int32[np.ndarray, "h w"]
    types: UInt8[np.ndarray, " n"] | None
    image: UInt8[np.ndarray, "h w 3"] | None = None
    names: tuple[str, ...] = ()
    notes: Mapping[str, int] = field(default_factory=dict)
    outlined: bool = False

    @property
    def size(self) -> tuple[int, int] | None:
        """Height and width of the file's map; None for outlines, which are drawn at the size of their image."""
        return None if self.outlined else (self.instances.shape[0], self.instances.shape[1])
