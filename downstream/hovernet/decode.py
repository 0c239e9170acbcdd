"""Conversion of HoVer-Net's maps to nuclei with types; needs no torch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32

from bench.contract import Prediction
from downstream.nuclei.decoder import Decoder
from downstream.postprocess import decode_hovernet, foreground, instance_info


@dataclass(frozen=True)
class HoVerNetDecoder(Decoder):
    """Converts stacks of maps: nucleus probability, offsets x and y, logits of background and the types.

    If there are no types, neither are logits.
    """

    n_types: int
    mpp: float
    threshold: float
    edge: float

    def __call__(self, stitched: Float32[np.ndarray, "h w c"]) -> Prediction:
        """Return the nuclei of an image with their types, if there are any."""
        probability, hv, logits = stitched[..., 0], stitched[..., 1:3], stitched[..., 3:]
        instances = decode_hovernet(probability, hv, mpp=self.mpp, threshold=self.threshold, edge=self.edge)
        types = None
        if self.n_types:
            types = instance_info(instances, logits.argmax(-1).astype(np.uint8), self.n_types).types
        return Prediction(
            instances=instances,
            types=types,
            foreground=self.foreground(stitched),
        )

    def foreground(self, stitched: Float32[np.ndarray, "h w c"]) -> Bool[np.ndarray, "h w"]:
        """Return the pixels of nuclei before nuclei are separated."""
        return foreground(stitched[..., 0], mpp=self.mpp, threshold=self.threshold)
