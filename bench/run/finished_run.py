"""The output of all steps of a run, from which its results are made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.contract import Dataset
from bench.datasets.splits.id_division import IdDivision
from bench.engine.step import Finished
from bench.evaluation.base import Evaluation, Measured
from bench.stages.synthesize import Made
from bench.stages.trial import Tested, Trial


@dataclass(frozen=True)
class FinishedFold:
    """One fold whose steps are all finished; `generators`, `sets` and `tested` have one entry per arm, as `trials` do.

    `generators` are the trained parts by name, for each seed that an arm's generator is trained under.
    """

    name: str
    data: Mapping[str, Dataset]
    trials: Sequence[Trial]
    measured: Mapping[str, Sequence[Measured]]
    generators: Sequence[Sequence[Mapping[str, Finished]]]
    sets: Sequence[Sequence[Made | None]]
    tested: Sequence[Sequence[Tested]]


@dataclass(frozen=True)
class FinishedRun:
    """A run whose folds are all finished; a run without folds has one, without a name.

    `look_alikes` are those of test and training images, by fold; see `bench.run.look_alikes`.
    """

    folds: Sequence[FinishedFold]
    evaluations: Sequence[Evaluation]
    division: IdDivision | None = None
    look_alikes: Sequence[Mapping[str, Any]] = ()

    @property
    def first(self) -> FinishedFold:
        """The first fold, which shows what folds have in common."""
        return self.folds[0]
