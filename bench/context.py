"""The context in which a part, a renderer or a network runs."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np


class Ranks(NamedTuple):
    """The processes of one machine that train a network together, as one of them sees it.

    `rank` is this process's number, from 0 to `size` - 1. Only rank 0 writes: `folder` is the folder of its piece of
    work, in which checkpoints are, while the run's own folder of the others is temporary. In `meeting` they find each
    other.
    """

    rank: int
    size: int
    folder: Path
    meeting: Path


class Progress(Protocol):
    """The progress of one long piece of work."""

    def advance(self, n: int = 1, **values: float) -> None:
        """Count `n` more units and show the newest values (loss, learning rate, ...)."""
        ...


class RunContext(Protocol):
    """The context in which a part, a renderer or a network runs; free of torch types."""

    @property
    def seed(self) -> int:
        """The seed of this piece of work; every random generator derives from it."""
        ...

    @property
    def device(self) -> str:
        """Device kind: `cpu`, `cuda` or `mps`."""
        ...

    @property
    def precision(self) -> str:
        """Fabric's name of the precision: `32-true`, `bf16-mixed`, `16-mixed`."""
        ...

    @property
    def threads(self) -> int:
        """Threads that numerical libraries may use."""
        ...

    @property
    def workers(self) -> int:
        """Processes that may load data for the training process; results never depend on it."""
        ...

    @property
    def folder(self) -> Path:
        """The folder of this piece of work; its subfolder `chunks` is removed when the work is done."""
        ...

    @property
    def ranks(self) -> Ranks | None:
        """The processes that do this piece of work together; None if there is only this one."""
        ...

    def derive(self, *scope: str | int) -> int:
        """Return a 63-bit seed that depends only on the run's seed and the scope."""
        ...

    def rng(self, *scope: str | int) -> np.random.Generator:
        """Return a generator seeded by `derive(*scope)`."""
        ...

    def progress(
        self, stage: str, total: int, *, done: int = 0, unit: str = "step"
    ) -> AbstractContextManager[Progress]:
        """Show the progress of a stage of `total` units, of which `done` are already done."""
        ...

    def curve(self, name: str, step: int, value: float) -> None:
        """Record a point of a training curve; recording a step again replaces it."""
        ...
