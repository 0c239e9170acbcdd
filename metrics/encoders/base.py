"""The base class of encoders: what is known of one without torch, and what it does once it is loaded."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
from jaxtyping import Float32, UInt8

from bench.errors import ConfigError
from bench.weights import Weights


class Encoder(ABC):
    """Base of encoders: a class of the entry-point group `bench.encoders`.

    Class methods answer without torch and without loading the weights; an instance embeds images, and captions where
    the encoder has a text tower. The module of a subclass must import without torch.

    Args:
        weights: the file of weights, or the folder that holds it; None where none is set.
        device: torch device name.
    """

    version: ClassVar[int] = 1
    """Raised by hand when features change although weights and preprocessing do not."""

    def __init__(self, weights: Path | None, device: str) -> None:
        self._path, self.device = weights, device

    @classmethod
    def with_argument(cls, argument: str) -> type[Encoder] | None:
        """Return the encoder that `name:argument` means; None (the default) where the argument is a file of weights."""
        return None

    @classmethod
    def weights(cls, folder: Path | None) -> Sequence[Weights]:
        """List the files that it needs, each with where it was found; `folder` may be the file itself."""
        return ()

    @classmethod
    @abstractmethod
    def label(cls, weights: Path | None) -> str:
        """Return the name under which metrics on these features are reported."""

    @classmethod
    @abstractmethod
    def identify(cls, weights: Path | None) -> str:
        """Return what tells its features from any other's: a hash of the weights, and the preprocessing in words."""

    @property
    def name(self) -> str:
        """Name under which metrics on these features are reported."""
        return self.label(self._path)

    @property
    def identity(self) -> str:
        """Hash of the weights and the preprocessing: rows of different identity share no column."""
        return self.identify(self._path)

    @abstractmethod
    def images(self, batch: UInt8[np.ndarray, "n h w 3"]) -> Float32[np.ndarray, "n d"]:
        """Embed RGB images; the result does not depend on how they are batched (to 1e-5)."""

    def texts(self, captions: Sequence[str]) -> Float32[np.ndarray, "n d"]:
        """Embed captions.

        Raises:
            ConfigError: the encoder has no text tower.
        """
        raise ConfigError(
            f"expected an encoder with a text tower for {len(captions)} captions",
            got=f"{self.name!r}, which embeds images only",
            fix="use plip or clip-vit-b-32",
        )
