"""Encoders that a recipe describes: the base class of every card and of every network of timm."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float32, UInt8

from bench.errors import DataError
from bench.weights import Weights
from metrics.encoders.card import Recipe
from metrics.encoders.chunked import CHUNK, ChunkedEncoder
from metrics.encoders.weights import WeightsFile, file_sha256, identity

if TYPE_CHECKING:
    import torch


class DescribedEncoder(ChunkedEncoder):
    """Base of encoders with a recipe; a subclass defines the file that it needs and its recipe.

    Args:
        weights: the file, or the folder that contains it.
        device: torch device name.

    Raises:
        MissingError: the weights do not exist.
        DataError: the file contains other weights.
    """

    def __init__(self, weights: Path | None, device: str) -> None:
        from metrics.encoders.networks import load_towers

        path = self.file().demand(weights)
        super().__init__(path, device)
        self._recipe = self.recipe()
        self._towers = load_towers(self._recipe, path, device)

    @classmethod
    @abstractmethod
    def file(cls) -> WeightsFile:
        """Return the file of weights that it needs."""

    @classmethod
    @abstractmethod
    def recipe(cls) -> Recipe:
        """Return everything that its features depend on, except the weights."""

    @classmethod
    def label(cls, weights: Path | None) -> str:
        """Return the name under which metrics on these features are reported."""
        return cls.file().label(weights)

    @classmethod
    def identify(cls, weights: Path | None) -> str:
        """Return hashes of the weights and of the files next to them, and the recipe."""
        file = cls.file()
        path = file.demand(weights)
        companions = [f"{name} {file_sha256(path.parent / name)[:16]}" for name in file.companions]
        return identity(file_sha256(path), "; ".join([cls.recipe().describe(), *companions]))

    @classmethod
    def weights(cls, folder: Path | None) -> Sequence[Weights]:
        """Return the one file."""
        return (cls.file().weights(folder),)

    def texts(self, captions: Sequence[str]) -> Float32[np.ndarray, "n d"]:
        """Return the features of captions, cut off at the text tower's length (77 tokens for CLIP and PLIP).

        Raises:
            ConfigError: the encoder has no text tower.
            MissingError: its tokenizer is not next to the weights.
        """
        import torch

        if self._towers.text is None:
            return super().texts(captions)
        parts = []
        with torch.inference_mode(), self._exact():
            for start in range(0, len(captions), CHUNK):
                chunk = list(captions[start : start + CHUNK])
                filled = chunk + chunk[:1] * (CHUNK - len(chunk))
                parts.append(self._finish(self._towers.text(filled))[: len(chunk)].float().cpu().numpy())
        return np.concatenate(parts) if parts else np.empty((0, self._recipe.dimension or 0), np.float32)

    def _prepare(self, chunk: UInt8[np.ndarray, "n h w 3"]) -> torch.Tensor:
        return self._recipe.preprocessing.prepare(chunk)

    def _embed(self, pixels: torch.Tensor) -> torch.Tensor:
        return self._finish(self._towers.image(pixels))

    def _finish(self, features: torch.Tensor) -> torch.Tensor:
        from torch.nn.functional import normalize

        wanted = self._recipe.dimension
        if features.ndim != 2 or wanted not in (None, features.shape[1]):
            raise DataError(
                f"{self._path} does not give {wanted or 'd'} features per image", got=str(tuple(features.shape))
            )
        return normalize(features, dim=-1) if self._recipe.normalise else features
