"""An encoder without weights: random filters at three scales, for demonstrations and tests without downloads."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float32, UInt8

from bench.errors import DataError
from metrics.encoders.chunked import ChunkedEncoder, channels_first
from metrics.encoders.weights import identity

if TYPE_CHECKING:
    import torch

SEED = 20260
SCALES = 3
CHANNELS = 16
SMALLEST = 16
# Responses are divided by their root mean square plus this value, so that structure counts more than contrast.
_CONTRAST = 0.3
_PREPROCESSING = "RGB / 127.5 - 1, own size; scales 1, 1/2, 1/4; contrast-normalised; mean and RMS, colour mean and SD"


class RandomConvNet(ChunkedEncoder):
    """Means and root mean squares of random filter responses, two layers at three scales, and of colour (198 features).

    Filters have zero mean, so that flat colour affects only the colour features. Distances on these features rank
    gross failures (noise, blur, wrong texture, wrong colour); they say little about fine realism.

    Args:
        weights: not used; there are none.
        device: torch device name.
    """

    def __init__(self, weights: Path | None, device: str) -> None:
        import torch

        super().__init__(None, device)
        self._filters = [torch.from_numpy(filters).to(device) for filters in random_filters()]

    @classmethod
    def label(cls, weights: Path | None) -> str:
        """Return `random-convnet`."""
        return "random-convnet"

    @classmethod
    def identify(cls, weights: Path | None) -> str:
        """Return the identity without torch."""
        return identity(filters_digest(), _PREPROCESSING)

    def _prepare(self, chunk: UInt8[np.ndarray, "n h w 3"]) -> torch.Tensor:
        if min(chunk.shape[1:3]) < SMALLEST:
            raise DataError(
                f"Images must have at least {SMALLEST} px per side", got=f"{chunk.shape[1]} x {chunk.shape[2]}"
            )
        return channels_first(chunk) / 127.5 - 1

    def _embed(self, pixels: torch.Tensor) -> torch.Tensor:
        import torch
        import torch.nn.functional as functional

        features = [pixels.mean((2, 3)), pixels.std((2, 3))]
        for scale in range(SCALES):
            first, second = self._filters[2 * scale : 2 * scale + 2]
            scaled = functional.avg_pool2d(pixels, 2**scale)
            edges = functional.relu(functional.conv2d(functional.pad(scaled, (2, 2, 2, 2), "reflect"), first))
            edges = edges / (_CONTRAST + edges.square().mean((1, 2, 3), keepdim=True).sqrt())
            shapes = functional.relu(functional.conv2d(functional.avg_pool2d(edges, 2), second, padding=1))
            for responses in (edges, shapes):
                features += [responses.mean((2, 3)), responses.square().mean((2, 3)).sqrt()]
        return torch.cat(features, dim=1)


def random_filters() -> list[Float32[np.ndarray, "o i k k"]]:
    """Return the filters of both layers of each scale: Gaussian-windowed noise of zero mean and unit norm.

    >>> [filters.shape for filters in random_filters()][:2]
    [(16, 3, 5, 5), (16, 16, 3, 3)]
    """
    rng = np.random.default_rng(SEED)
    layers = []
    for _ in range(SCALES):
        layers += [_windowed(rng, CHANNELS, 3, 5), _windowed(rng, CHANNELS, CHANNELS, 3)]
    return layers


@cache
def filters_digest() -> str:
    """Return the SHA-256 of all filters, by which networks of other filters are recognised.

    >>> filters_digest()[:8]
    '99426560'
    """
    return hashlib.sha256(b"".join(filters.tobytes() for filters in random_filters())).hexdigest()


def _windowed(rng: np.random.Generator, outputs: int, inputs: int, size: int) -> Float32[np.ndarray, "o i k k"]:
    filters = rng.standard_normal((outputs, inputs, size, size))
    distance = (np.indices((size, size)) - (size - 1) / 2) ** 2
    filters *= np.exp(-distance.sum(axis=0) / (2 * (size / 3) ** 2))
    filters -= filters.mean(axis=(2, 3), keepdims=True)
    filters /= np.sqrt((filters**2).sum(axis=(1, 2, 3), keepdims=True))
    return filters.astype(np.float32)
