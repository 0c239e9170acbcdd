"""The baseline: only real data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
from jaxtyping import UInt8

from bench.contract import Condition, Dataset, MethodBase, RunContext, Settings
from bench.errors import BenchError


class RealOnlyConfig(Settings):
    """No settings."""


class RealOnly(MethodBase):
    """Adds nothing; every other arm is compared with it."""

    Config: ClassVar[type[RealOnlyConfig]] = RealOnlyConfig
    ratio = 0.0

    def __init__(self, config: RealOnlyConfig) -> None:
        """Store the settings."""
        self.config = config

    def plan(self, data: Mapping[str, Dataset], n: int, rng: np.random.Generator) -> Iterator[Condition]:
        """Yield nothing, whatever `n` is."""
        return iter(())

    def render(
        self,
        conditions: Sequence[Condition],
        data: Mapping[str, Dataset],
        fitted: Mapping[str, Path],
        run: RunContext,
    ) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
        """Raise an error if there are conditions, because none of them can come from real-only."""
        if conditions:
            raise BenchError("The baseline real-only draws no synthetic patch", got=f"{len(conditions)} conditions")
        return iter(())
