"""The base class of evaluations; each answers one question in a table."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from bench.contract import DatasetInfo, Weights
from bench.engine.step import Finished
from bench.evaluation.over_folds import mean_rows
from bench.evaluation.pictures.shown import Shown
from bench.evaluation.row_maker import Rows
from bench.plan.arms import Arm
from bench.plan.seeds import Under
from bench.plugin_version import version_of
from bench.results.evidence import Confusion
from bench.results.table import ScoreRow
from bench.stages.synthesize import Made
from bench.stages.trial import Trial

if TYPE_CHECKING:
    from metrics.entry import Metric


class Output(NamedTuple):
    """The output of a step that rows were made from, for the index of a run's artefacts."""

    kind: str
    finished: Finished
    seeds: Under
    network: str = ""
    split: str = ""
    encoder: str = ""


class Measured(NamedTuple):
    """One arm and an evaluation's evidence about it; no evidence, and the reason, if the evaluation does not apply."""

    trial: Trial
    sets: Sequence[Made | None]
    evidence: Any
    reason: str = ""

    def digest(self, generation: int) -> str:
        """Return the digest of the arm's set of a generation seed; empty if the arm adds nothing."""
        made = self.sets[generation] if self.sets else None
        return "" if made is None else made.set.digest


class Evaluation(ABC):
    """One question, with its metrics, its steps and its rows; entry-point group `bench.evaluations`.

    `version` is raised by hand when the same evidence gives other rows; it is part of the keys of the evaluation's
    steps and of the run.
    """

    name: ClassVar[str]
    version: ClassVar[int] = 1

    @property
    @abstractmethod
    def metrics(self) -> tuple[Metric, ...]:
        """The metrics that rows may report; scores on features are listed once per family, without an encoder."""

    def about(self, info: DatasetInfo) -> bool:
        """Return whether the question makes sense for a dataset; if not, there are no rows."""
        return True

    def weights(
        self, folder: Path | None, arms: Sequence[Arm] | None = None, encoders: Collection[str] = ()
    ) -> Sequence[Weights]:
        """Return the files that it needs itself, each with the path at which it was found.

        Args:
            folder: the folder of weights.
            arms: the arms of a run, if only what it needs for them is asked for.
            encoders: names of the run's encoders.
        """
        return ()

    async def applies(self, trial: Trial) -> str:
        """Return why the evaluation does not apply to an arm; empty if it does. The arm's rows contain the reason."""
        return ""

    @abstractmethod
    async def measure(self, trial: Trial) -> Any:
        """Await the steps that the question needs and return the evidence; None if there is nothing to evaluate."""

    @abstractmethod
    def rows(self, measured: Sequence[Measured], rows: Rows) -> Iterator[ScoreRow]:
        """Yield the rows of all arms; the first arm is the baseline."""

    def rows_over_folds(
        self, measured: Sequence[Sequence[Measured]], made: Sequence[Sequence[ScoreRow]], rows: Rows
    ) -> Iterator[ScoreRow]:
        """Yield rows over all folds of a protocol; by default the mean over folds of every score.

        Args:
            measured: the evidence of each fold, as `rows` gets it.
            made: the rows of each fold.
            rows: makes the rows.
        """
        return mean_rows(made, rows)

    def outputs(self, evidence: Any) -> Iterator[Output]:
        """Yield the outputs that the rows of one arm were made from."""
        return iter(())

    def pictures(self, measured: Sequence[Measured]) -> Iterator[Shown]:
        """Yield what a report shows about the arms of a run's first fold, from what their steps left; nothing is done.

        The rows of a gallery that shows the same samples for every method are chosen by the dataset only.
        """
        return iter(())

    def confusions(self, measured: Sequence[Measured], threads: int) -> Iterator[Confusion]:
        """Yield the confusion matrices of the arms of one fold, summed over seeds; a run adds those of its folds.

        Args:
            measured: the evidence about each arm.
            threads: the number of threads that may read predictions.
        """
        return iter(())

    def findings(self, evidence: Any) -> Sequence[Mapping[str, Any]]:
        """Return what the run's document records in addition to the rows, as JSON values."""
        return ()


def metric_versions(evaluation: Evaluation, *ids: str) -> dict[str, int]:
    """Return the versions in the key of a step: the evaluation's, and those of the metrics that it computes.

    Args:
        evaluation: the evaluation.
        ids: ids of its metrics; all of them if none is given.
    """
    chosen = [metric for metric in evaluation.metrics if not ids or metric.id in ids]
    found = {f"metric:{metric.id}": metric.protocol_version for metric in chosen}
    return {f"evaluation:{evaluation.name}": version_of(evaluation), **found}
