"""The base of all encoders: a frozen network embeds images in fixed chunks and in 32-bit precision."""

from __future__ import annotations

from abc import abstractmethod
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float32, UInt8

from bench.errors import DataError
from metrics.encoders.base import Encoder

if TYPE_CHECKING:
    import torch

# Images per forward pass. The last chunk is filled up, so that every pass has one shape and one arithmetic: the
# features of an image do not depend on the other images of its batch.
CHUNK = 16


class ChunkedEncoder(Encoder):
    """Embeds uint8 images chunk by chunk; torch is imported when an encoder is made, not when its class is."""

    def images(self, batch: UInt8[np.ndarray, "n h w 3"]) -> Float32[np.ndarray, "n d"]:
        """Return the features of RGB images.

        The result does not depend on how the images are batched (to 1e-5 of the largest feature).

        Raises:
            DataError: the batch is not 8-bit RGB, or is empty.
        """
        import torch

        if batch.ndim != 4 or batch.shape[-1] != 3 or batch.dtype != np.uint8 or not len(batch):
            raise DataError(
                f"The encoder {self.name!r} only embeds batches of 8-bit RGB images (n, h, w, 3)",
                got=f"{batch.dtype} of shape {batch.shape}",
            )
        parts = []
        with torch.inference_mode(), self._exact():
            for start in range(0, len(batch), CHUNK):
                chunk = batch[start : start + CHUNK]
                pixels = self._prepare(chunk).to(self.device)
                missing = CHUNK - len(chunk)
                filled = torch.cat([pixels, pixels[:1].expand(missing, -1, -1, -1)]) if missing else pixels
                parts.append(self._embed(filled)[: len(chunk)].float().cpu().numpy())
        return np.concatenate(parts)

    @staticmethod
    def _exact() -> AbstractContextManager[None]:
        """Return the context of a forward pass: 32-bit convolutions with a deterministic choice of algorithm."""
        import torch

        flags: AbstractContextManager[None] = torch.backends.cudnn.flags(
            enabled=True, deterministic=True, allow_tf32=False
        )
        return flags

    @abstractmethod
    def _prepare(self, chunk: UInt8[np.ndarray, "n h w 3"]) -> torch.Tensor:
        """Return the network's input for a chunk, (n, 3, h, w)."""

    @abstractmethod
    def _embed(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return the network's output, (n, 3, h, w) to (n, d)."""


def channels_first(chunk: UInt8[np.ndarray, "n h w 3"]) -> torch.Tensor:
    """Return a chunk as float32 (n, 3, h, w) with values 0-255.

    >>> tuple(channels_first(np.zeros((2, 4, 5, 3), np.uint8)).shape)
    (2, 3, 4, 5)
    """
    import torch

    return torch.from_numpy(np.ascontiguousarray(chunk)).permute(0, 3, 1, 2).to(torch.float32)
