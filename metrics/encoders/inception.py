"""Inception-v3 pool features exactly as clean-fid computes them: the only features that may be called FID and KID."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import UInt8

from metrics.encoders.published import PublishedEncoder
from metrics.encoders.weights import WeightsFile

if TYPE_CHECKING:
    import torch

WEIGHTS = WeightsFile(
    encoder="inception",
    file="inception-2015-12-05.pt",
    source="https://nvlabs-fi-cdn.nvidia.com/stylegan2-ada-pytorch/pretrained/metrics/inception-2015-12-05.pt",
    size="91 MiB",
    sha256="f58cb9b6ec323ed63459aa4fb441fe750cfe39fafad6da5cb504a16f19e958f4",
)
_PREPROCESSING = "clean-fid 'clean': PIL bicubic to 299 x 299 a channel in float, clipped to 0-255; (x - 128) / 128"
_SIZE = 299


class Inception(PublishedEncoder):
    """2048 pool features of the 2015 Inception-v3 (TorchScript of StyleGAN2), clean-fid's mode `clean`.

    Args:
        weights: the file, or a folder that holds it.
        device: torch device name.

    Raises:
        MissingError: the file is not there.
    """

    file = WEIGHTS
    preprocessing = _PREPROCESSING

    def __init__(self, weights: Path | None, device: str) -> None:
        import torch

        super().__init__(weights, device)
        # The layers alone: the whole script would resize inside, as TensorFlow 1 did.
        self._layers = torch.jit.load(str(self._path), map_location=device).eval().layers  # type: ignore[no-untyped-call]

    def _prepare(self, chunk: UInt8[np.ndarray, "n h w 3"]) -> torch.Tensor:
        import torch
        from PIL import Image

        resized = np.empty((len(chunk), 3, _SIZE, _SIZE), dtype=np.float32)
        for image, out in zip(chunk, resized, strict=True):
            for channel in range(3):
                plane = Image.fromarray(image[..., channel].astype(np.float32))
                out[channel] = np.asarray(plane.resize((_SIZE, _SIZE), Image.Resampling.BICUBIC)).clip(0, 255)
        return torch.from_numpy(resized)

    def _embed(self, pixels: torch.Tensor) -> torch.Tensor:
        features: torch.Tensor = self._layers((pixels - 128) / 128)
        return features.reshape(len(pixels), -1)
