"""The base of methods without a network: their settings, and no parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from bench.contract import Dataset, Part, RunContext
from bench.errors import DataError
from methods.crops import PatchSettings


class Untrained:
    """Base of methods that make patches from labelled windows of real tiles and train nothing."""

    Config: ClassVar[type[PatchSettings]] = PatchSettings
    conditions: ClassVar[frozenset[str]] = frozenset({"mask"})
    roles: ClassVar[frozenset[str]] = frozenset({"train"})

    def __init__(self, config: PatchSettings) -> None:
        """Store the settings."""
        self.config = config
        self.ratio = config.ratio

    def parts(self) -> Sequence[Part]:
        """Return nothing, because there is nothing to train."""
        return ()

    def fit(
        self, part: Part, data: Mapping[str, Dataset], fitted: Mapping[str, Path], out: Path, run: RunContext
    ) -> None:
        """Raise an error.

        Raises:
            DataError: always, because the method has no parts.
        """
        raise DataError(f"{type(self).__name__} has no parts to train", got=part.name)
