"""What methods without a network share: their settings, and no parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from bench.contract import Dataset, Part, RunContext
from bench.errors import DataError
from methods.patches import PatchSettings


class Untrained:
    """Base of methods that make patches of labelled windows of real tiles and train nothing."""

    Config: ClassVar[type[PatchSettings]] = PatchSettings
    conditions: ClassVar[frozenset[str]] = frozenset({"mask"})
    roles: ClassVar[frozenset[str]] = frozenset({"train"})

    def __init__(self, config: PatchSettings) -> None:
        """Keep the settings."""
        self.config = config
        self.ratio = config.ratio

    def parts(self) -> Sequence[Part]:
        """Return nothing: there is nothing to train."""
        return ()

    def fit(
        self, part: Part, data: Mapping[str, Dataset], fitted: Mapping[str, Path], out: Path, run: RunContext
    ) -> None:
        """Refuse.

        Raises:
            DataError: always; no part is this method's.
        """
        raise DataError(f"expected a part of {type(self).__name__}", got=part.name)
