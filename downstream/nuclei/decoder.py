"""Conversion of a network's maps to nuclei, in a form that worker processes can use; needs no torch."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from jaxtyping import Bool, Float32

from bench.contract import Prediction


class Decoder(ABC):
    """Converts the maps of whole images to nuclei.

    Decoders are sent to worker processes: a subclass is picklable, and the modules that define it import no torch.
    """

    @abstractmethod
    def __call__(self, stitched: Float32[np.ndarray, "h w c"]) -> Prediction:
        """Return the nuclei of an image with their types."""

    def foreground(self, stitched: Float32[np.ndarray, "h w c"]) -> Bool[np.ndarray, "h w"]:
        """Return the pixels of nuclei; the checkpoint is selected by them, so do not separate nuclei if avoidable."""
        found = self(stitched).foreground
        assert found is not None
        return found
