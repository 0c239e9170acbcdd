"""What a run comes to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Outcome:
    """A published run: `steps` of which `reused` were found finished."""

    store: Path
    run: str
    dataset: str
    preset: str
    reused: int
    steps: int
