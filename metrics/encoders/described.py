"""Encoders that a recipe describes: one class serves every card and every network of timm."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float32, UInt8

from bench.errors import DataError
from metrics.encoders.card import Recipe
from metrics.encoders.chunked import CHUNK, ChunkedEncoder
from metrics.encoders.weights import EncoderRequirement, WeightsFile, file_sha256, identity

if TYPE_CHECKING:
    import torch


class Described:
    """What an entry point names: an encoder that is known by its recipe and made when it is called.

    Args:
        file: the weights it needs.
        recipe: returns its recipe; called when features, or their identity, are asked for.
    """

    def __init__(self, file: Callable[[], WeightsFile], recipe: Callable[[], Recipe]) -> None:
        self._read_file, self._read_recipe = file, recipe

    @cached_property
    def file(self) -> WeightsFile:
        """The weights it needs."""
        return self._read_file()

    @cached_property
    def recipe(self) -> Recipe:
        """All that its features depend on, beside the weights."""
        return self._read_recipe()

    def label(self, weights: Path | None) -> str:
        """Return the name under which metrics on these features are reported."""
        return self.file.label(weights)

    def identify(self, weights: Path | None) -> str:
        """Return the identity without loading the file into torch."""
        path = self.file.demand(weights)
        beside = [f"{name} {file_sha256(path.parent / name)[:16]}" for name in self.file.companions]
        return identity(file_sha256(path), "; ".join([self.recipe.describe(), *beside]))

    def requirement(self, weights: Path | None) -> EncoderRequirement:
        """Say what is needed and whether it was found."""
        return self.file.requirement(weights)

    def __call__(self, weights: Path | None, device: str) -> DescribedEncoder:
        """Make the encoder.

        Raises:
            MissingError: the weights are not there.
            DataError: the file holds other weights.
        """
        return DescribedEncoder(self, self.file.demand(weights), device)


class DescribedEncoder(ChunkedEncoder):
    """Features of a recipe's network.

    Args:
        plan: which encoder it is.
        path: its weights.
        device: torch device name.
    """

    def __init__(self, plan: Described, path: Path, device: str) -> None:
        from metrics.encoders.networks import load_towers

        super().__init__(device)
        self._plan, self._path, self._recipe = plan, path, plan.recipe
        self._towers = load_towers(plan.recipe, path, device)

    @property
    def name(self) -> str:
        """Name under which metrics on these features are reported."""
        return self._plan.label(self._path)

    @property
    def identity(self) -> str:
        """Hash of the weights, and the recipe."""
        return self._plan.identify(self._path)

    def texts(self, captions: Sequence[str]) -> Float32[np.ndarray, "n d"]:
        """Embed captions, cut off at the text tower's length (77 tokens for CLIP and PLIP).

        Raises:
            ConfigError: the encoder has no text tower.
            MissingError: its tokenizer is not beside the weights.
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
                f"expected {wanted or 'd'} features an image of {self._path}", got=str(tuple(features.shape))
            )
        return normalize(features, dim=-1) if self._recipe.normalise else features
