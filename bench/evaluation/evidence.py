"""What the stages of a run leave behind, for the results to be read from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.engine.job import Finished
from bench.plan.arms import Arm, Network
from bench.synthetic import SyntheticSet


@dataclass(frozen=True)
class Judge:
    """The network that a run trained on real data alone, with its first seed's weights: it sees what arms draw."""

    network: Network
    model: Finished


@dataclass(frozen=True)
class Tested:
    """One network trained on one arm under one seed, and what came of it."""

    seed: int
    network: str
    model: Finished
    predictions: Finished
    scores: Finished


@dataclass(frozen=True)
class Distances:
    """One synthetic set compared with one split in the eyes of one encoder; no encoder's name for colour alone."""

    seed: int
    split: str
    encoder: str
    identity: str
    finished: Finished


@dataclass(frozen=True)
class Judged:
    """What one of the baseline's networks takes the images of one synthetic set for."""

    seed: int
    network: str
    finished: Finished


@dataclass(frozen=True)
class Faithful:
    """How one arm's images of test masks show what they were asked for, as the segmenter `network` sees it.

    `scores` has one entry a seed; where the arm cannot draw such masks it is empty and `reason` says why.
    """

    network: str
    scores: Sequence[Finished] = ()
    reason: str = ""


@dataclass(frozen=True)
class ArmWork:
    """Everything finished for one arm.

    `sets` has one entry a seed, None where the arm adds nothing; `faithful` is None where there is nothing to ask.
    `untested` says why no network was trained on an arm; `tested` is empty then. `leaks` is what was found of test
    images in the sets of the method that the run is about. `judged` is empty where images have no class.
    """

    arm: Arm
    fitted: Mapping[str, Finished]
    sets: Sequence[tuple[Finished, SyntheticSet] | None]
    distances: Sequence[Distances]
    tested: Sequence[Tested]
    faithful: Faithful | None = None
    untested: str = ""
    leaks: Sequence[Finished] = ()
    judged: Sequence[Judged] = ()


@dataclass(frozen=True)
class Outcome:
    """A published run."""

    store: Path
    run: str
    dataset: str
    preset: str
    reused: int
    jobs: int
