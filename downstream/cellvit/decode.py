"""Conversion of CellViT's maps to nuclei with types: that of HoVer-Net; needs no torch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32

from downstream.hovernet.decode import HoVerNetDecoder


@dataclass(frozen=True)
class CellViTDecoder(HoVerNetDecoder):
    """Separates nuclei as HoVer-Net does, with sizes in proportion to the resolution."""

    def foreground(self, stitched: Float32[np.ndarray, "h w c"]) -> Bool[np.ndarray, "h w"]:
        """Return the pixels that the nucleus branch assigns to nuclei, specks included, as in the release's Dice."""
        return np.asarray(stitched[..., 0] > self.threshold)
