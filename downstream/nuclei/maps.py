"""The maps that a network predicts for a whole image, window by window."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float32, UInt8
from torch import nn

from downstream.nuclei.family import Family
from downstream.tiles import predict_maps

Image = UInt8[np.ndarray, "h w 3"]


def predicted_maps(
    image: Image, network: nn.Module, family: Family, device: torch.device
) -> Float32[np.ndarray, "h w c"]:
    """Return the stitched maps of an image, as `family.maps` defines them."""

    def apply(batch: UInt8[np.ndarray, "n i j 3"]) -> Float32[np.ndarray, "n c p q"]:
        with torch.inference_mode():
            joined = family.maps(network(torch.from_numpy(batch).to(device)))
        return np.asarray(joined.cpu().numpy())

    return predict_maps(image, apply, *family.windows(*image.shape[:2]))
