"""What any label file comes down to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int32, UInt8


@dataclass(frozen=True)
class LabelMaps:
    """An instance map with ids exactly 1..n, and what else its file holds.

    `types[i]` is the class of instance i + 1, 0 where the file settles on none; None where the format has no
    classes. `image` is the RGB image of formats that keep it beside the labels.
    """

    instances: Int32[np.ndarray, "h w"]
    types: UInt8[np.ndarray, " n"] | None
    image: UInt8[np.ndarray, "h w 3"] | None = None
