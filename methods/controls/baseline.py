"""The baseline: real data alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
from jaxtyping import UInt8

from bench.contract import Condition, Dataset, MethodBase, RunContext, Settings
from bench.errors import BenchError


class RealOnlyConfig(Settings):
    """Nothing to set."""


class RealOnly(MethodBase):
    """Adds nothing: every other arm is compared with it."""

    Config: ClassVar[type[RealOnlyConfig]] = RealOnlyConfig
    ratio = 0.0

    def __init__(self, config: RealOnlyConfig) -> None:
        """Keep the settings."""
        self.config = config

    def plan(self, data: Mapping[str, Dataset], n: int, rng: np.random.Generator) -> Iterator[Condition]:
        """Yield nothing, whatever `n`."""
        return iter(())

    def render(
        self,
        conditions: Sequence[Condition],
        data: Mapping[str, Dataset],
        fitted: Mapping[str, Path],
        run: RunContext,
    ) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
        """Refuse conditions: none of them can be real-only's own."""
        if conditions:
            raise BenchError("expected no synthetic patch of real-only", got=f"{len(conditions)} conditions")
        return iter(())
