"""Latents to train on: encoded once if they fit in memory, and otherwise batch by batch."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from methods.latent.autoencoder import Codec
from methods.latent.config import BatchSettings
from methods.latent.images import Images
from methods.sdm.crops import ORIENTATIONS, orient

# Moments of at most this many bytes are kept in memory.
KEPT = 2**31
CHUNK = 32


class Latents:
    """The latents of a dataset's images under a frozen autoencoder, drawn from their posteriors again at each step.

    Args:
        images: the images to encode.
        codec: the autoencoder.
        settings: batches; with `orient`, images are turned before they are encoded.
        kept: whether to encode everything first; None means only if the moments are few.
    """

    def __init__(self, images: Images, codec: Codec, settings: BatchSettings, *, kept: bool | None = None) -> None:
        self._images, self._codec, self._settings = images, codec, settings
        self._turns = ORIENTATIONS if settings.orient else 1
        side = images.size // codec.factor
        self.shape = (codec.channels, side, side)
        few = len(images) * self._turns * 2 * codec.channels * side * side * 4 <= KEPT
        self._moments = self._encode() if (few if kept is None else kept) else None

    def batch(self, step: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Return the moments of a step's images, or the images if moments are not kept; and their classes."""
        size = self._settings.batch_size
        if self._moments is None:
            return self._images.batch(step, size, self._settings.orient, rng)
        chosen = self._images.places(step, size)
        turns = [int(rng.integers(self._turns)) if self._settings.orient else 0 for _ in chosen]
        labels = np.array([self._images[int(index)][1] for index in chosen], np.int64)
        return {"moments": self._moments[chosen, turns], "label": labels}

    def draw(self, batch: Mapping[str, Tensor], generator: torch.Generator) -> Float[Tensor, "n c h w"]:
        """Return scaled latents of a batch, on the generator's device."""
        if "moments" in batch:
            return self._codec.sample(batch["moments"], generator)
        return self._codec.sample(self._codec.moments(batch["image"].float() / 127.5 - 1), generator)

    def _encode(self) -> np.ndarray:
        channels, side = 2 * self.shape[0], self.shape[1]
        found = np.empty((len(self._images), self._turns, channels, side, side), np.float32)
        for first in range(0, len(found), CHUNK):
            members = range(first, min(first + CHUNK, len(found)))
            for turn in range(self._turns):
                pixels = np.stack([orient(self._images[index][0], turn).transpose(2, 0, 1) for index in members])
                moments = self._codec.moments(torch.from_numpy(pixels).float() / 127.5 - 1)
                found[members, turn] = moments.cpu().numpy()
        return found
