"""What a job is, and the key that names its output."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.digest import digest

# Bumped by hand when the numbers that a stage gives change.
STAGE_VERSIONS: Mapping[str, int] = {
    "prepare": 1,
    "import": 1,
    "adapt": 1,
    "leakage": 1,
    "judge": 1,
    "select": 1,
    "fit": 1,
    "synthesize": 1,
    "features": 2,
    "fidelity": 2,
    "train": 1,
    "predict": 1,
    "evaluate": 2,
    "render-masks": 1,
    "faithfulness": 1,
}


@dataclass(frozen=True)
class Job:
    """One piece of work: a stage, what matters to it, and the digests of what it reads.

    `device`, `precision` and `threads` are part of the key because floating-point results depend on them; stages
    of plain numpy leave `precision` empty.
    """

    stage: str
    config: Any
    inputs: Mapping[str, str]
    seed: int = 0
    device: str = "cpu"
    precision: str = ""
    threads: int = 1
    title: str = field(default="", compare=False)

    def document(self) -> dict[str, Any]:
        """Everything that the key is made of."""
        return {
            "stage": self.stage,
            "version": STAGE_VERSIONS[self.stage],
            "config": self.config,
            "inputs": dict(self.inputs),
            "seed": self.seed,
            "device": self.device,
            "precision": self.precision,
            "threads": self.threads,
        }

    @property
    def key(self) -> str:
        """sha256 over the canonical JSON of the document."""
        return digest(self.document())


@dataclass(frozen=True)
class Finished:
    """A published job: its folder, and whether it was there already."""

    job: Job
    path: Path
    reused: bool
    cost: Mapping[str, float]

    @property
    def key(self) -> str:
        """The job's key."""
        return self.job.key
