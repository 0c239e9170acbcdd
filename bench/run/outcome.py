"""The outcome of a run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Outcome:
    """A published run of `steps` steps, of which `reused` were already in the store."""

    store: Path
    run: str
    dataset: str
    preset: str
    reused: int
    steps: int
