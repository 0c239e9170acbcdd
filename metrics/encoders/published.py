"""Encoders whose weights are one published file, which determines their name and identity."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from bench.weights import Weights
from metrics.encoders.chunked import ChunkedEncoder
from metrics.encoders.weights import WeightsFile, file_sha256, identity


class PublishedEncoder(ChunkedEncoder):
    """Base of encoders of a published file; a subclass defines the file and how images are prepared.

    Args:
        weights: the file, or the folder that contains it.
        device: torch device name.

    Raises:
        MissingError: the file does not exist.
    """

    file: ClassVar[WeightsFile]
    preprocessing: ClassVar[str]
    _path: Path

    def __init__(self, weights: Path | None, device: str) -> None:
        super().__init__(self.file.demand(weights), device)

    @classmethod
    def label(cls, weights: Path | None) -> str:
        """Return the encoder's id for the published file, `<id>-<8 hex of sha256>` for any other."""
        return cls.file.label(weights)

    @classmethod
    def identify(cls, weights: Path | None) -> str:
        """Return the identity without loading the file into torch."""
        return identity(file_sha256(cls.file.demand(weights)), cls.preprocessing)

    @classmethod
    def weights(cls, folder: Path | None) -> Sequence[Weights]:
        """Return the one file."""
        return (cls.file.weights(folder, cls.preprocessing),)
