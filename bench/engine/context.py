"""The run context that parts, renderers and networks receive."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.contract import Progress, Ranks
from bench.engine.reporter import Reporter

CURVES = "curves.jsonl"


def derive_seed(*scope: str | int) -> int:
    """Return a 63-bit seed from a path of names and numbers: the sha256 of the path, whatever was derived before."""
    text = "/".join(str(part) for part in scope)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little") >> 1


@dataclass(frozen=True)
class Run:
    """A `bench.contract.RunContext` for one job; curves go to `folder/curves.jsonl`."""

    seed: int
    device: str
    precision: str
    threads: int
    devices: int
    workers: int
    folder: Path
    reporter: Reporter
    title: str = ""
    ranks: Ranks | None = None

    def derive(self, *scope: str | int) -> int:
        """Return a 63-bit seed that depends only on the run's seed and the scope."""
        return derive_seed(self.seed, *scope)

    def rng(self, *scope: str | int) -> np.random.Generator:
        """Return a generator seeded by `derive(*scope)`."""
        return np.random.default_rng(self.derive(*scope))

    def progress(
        self, stage: str, total: int, *, done: int = 0, unit: str = "step"
    ) -> AbstractContextManager[Progress]:
        """Show the progress of a stage of `total` units, of which `done` are already done."""
        title = f"{self.title}: {stage}" if self.title else stage
        return self.reporter.progress(title, total, done=done, unit=unit)

    def curve(self, name: str, step: int, value: float) -> None:
        """Append a point of a training curve; a step recorded again wins over the earlier one."""
        line = json.dumps({"name": name, "step": step, "value": value})
        with (self.folder / CURVES).open("a", encoding="utf-8") as handle:
            handle.write(line + "\n")


def read_curves(folder: Path) -> Iterator[tuple[str, int, float]]:
    """Yield (name, step, value) of a job's curves in order of name and step, with the last record of each step.

    A line that a kill cut short is skipped, since its step was recorded again afterwards.
    """
    path = folder / CURVES
    if not path.exists():
        return
    points: dict[tuple[str, int], float] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            record = json.loads(line)
        except json.JSONDecodeError:
            continue
        points[record["name"], record["step"]] = record["value"]
    for (name, step), value in sorted(points.items()):
        yield name, step, value
