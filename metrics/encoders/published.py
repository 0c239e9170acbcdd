"""An encoder whose weights are one published file: its name, identity and requirement follow from the file."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from metrics.encoders.chunked import ChunkedEncoder
from metrics.encoders.weights import EncoderRequirement, WeightsFile, file_sha256, identity


class PublishedEncoder(ChunkedEncoder):
    """Base of encoders of a published file; a subclass says which file, and how it prepares images.

    Args:
        weights: the file, or the folder that holds it.
        device: torch device name.

    Raises:
        MissingError: the file is not there.
    """

    file: ClassVar[WeightsFile]
    preprocessing: ClassVar[str]

    def __init__(self, weights: Path | None, device: str) -> None:
        super().__init__(device)
        self._path = self.file.demand(weights)

    @property
    def name(self) -> str:
        """The encoder's id for the published file, `<id>-<8 hex of sha256>` for any other."""
        return self.label(self._path)

    @property
    def identity(self) -> str:
        """Hash of the file and the preprocessing."""
        return self.identify(self._path)

    @classmethod
    def label(cls, weights: Path | None) -> str:
        """Return the name under which metrics on these features are reported."""
        return cls.file.label(weights)

    @classmethod
    def identify(cls, weights: Path | None) -> str:
        """Return the identity without loading the file into torch."""
        return identity(file_sha256(cls.file.demand(weights)), cls.preprocessing)

    @classmethod
    def requirement(cls, weights: Path | None) -> EncoderRequirement:
        """Say what is needed and whether it was found."""
        return cls.file.requirement(weights)
