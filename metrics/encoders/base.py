"""The base class of encoders: their properties, which are known without torch, and their functions once loaded."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
from jaxtyping import Float32, UInt8

from bench.errors import ConfigError
from bench.weights import Weights


class Training(NamedTuple):
    """A training in a run whose output holds an encoder's weights: a `bench.contract.Part`, and its `Trainer`."""

    part: Any
    trainer: Any


class Encoder(ABC):
    """Base of encoders: a class of the entry-point group `bench.encoders`.

    Class methods answer without torch and without loading the weights; an instance embeds images, and captions if the
    encoder has a text tower. The module of a subclass must import without torch.

    Args:
        weights: the file of weights, or the folder that contains it; None if none is set.
        device: torch device name.
    """

    version: ClassVar[int] = 1
    """Raised by hand when features change although weights and preprocessing do not."""

    def __init__(self, weights: Path | None, device: str) -> None:
        self._path, self.device = weights, device

    @classmethod
    def with_argument(cls, argument: str) -> type[Encoder] | None:
        """Return the encoder of `name:argument`; None (the default) if the argument is a file of weights."""
        return None

    @classmethod
    def weights(cls, folder: Path | None) -> Sequence[Weights]:
        """Return the files that it needs, each with the path at which it was found; `folder` may be the file itself."""
        return ()

    @classmethod
    def training(cls) -> Training | None:
        """Return what a run must train to get the weights; None (the default) if they exist already."""
        return None

    @classmethod
    @abstractmethod
    def label(cls, weights: Path | None) -> str:
        """Return the name under which metrics on these features are reported."""

    @classmethod
    @abstractmethod
    def identify(cls, weights: Path | None) -> str:
        """Return what distinguishes its features from others: a hash of the weights, and the preprocessing in words."""

    @property
    def name(self) -> str:
        """Name under which metrics on these features are reported."""
        return self.label(self._path)

    @property
    def identity(self) -> str:
        """Hash of the weights and the preprocessing; rows of different identities are never in one column."""
        return self.identify(self._path)

    @abstractmethod
    def images(self, batch: UInt8[np.ndarray, "n h w 3"]) -> Float32[np.ndarray, "n d"]:
        """Return the features of RGB images, which do not depend on how the images are batched (to 1e-5)."""

    def texts(self, captions: Sequence[str]) -> Float32[np.ndarray, "n d"]:
        """Return the features of captions.

        Raises:
            ConfigError: the encoder has no text tower.
        """
        raise ConfigError(
            f"{len(captions)} captions cannot be embedded by an encoder without a text tower",
            got=f"{self.name!r}, which embeds images only",
            fix="use plip or clip-vit-b-32",
        )
