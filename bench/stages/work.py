"""What the stages of a run leave behind, for the results to be read from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.encoders import EncoderHandle
from bench.jobs import Finished
from bench.stages.arms import Arm
from bench.synthetic import SyntheticSet


@dataclass(frozen=True)
class Tested:
    """One network trained on one arm under one seed, and what came of it."""

    seed: int
    network: str
    model: Finished
    predictions: Finished
    scores: Finished


@dataclass(frozen=True)
class ArmWork:
    """Everything finished for one arm; `sets` has one entry a seed, None where the arm adds nothing."""

    arm: Arm
    fitted: Mapping[str, Finished]
    sets: Sequence[tuple[Finished, SyntheticSet] | None]
    distances: Sequence[tuple[int, str, EncoderHandle, Finished]]
    tested: Sequence[Tested]


@dataclass(frozen=True)
class Outcome:
    """A published run."""

    store: Path
    run: str
    preset: str
    reused: int
    jobs: int
