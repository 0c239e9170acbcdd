"""What an evaluation is: one question that a table answers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from bench.contract import DatasetInfo
from bench.engine.step import Finished
from bench.evaluation.row_maker import Rows
from bench.plugin_version import version_of
from bench.results.table import ScoreRow
from bench.stages.synthesize import Made
from bench.stages.trial import Trial

if TYPE_CHECKING:
    from metrics.entry import Metric


class Output(NamedTuple):
    """A step's output that rows came from, for the index of a run's artefacts."""

    kind: str
    finished: Finished
    seed: int
    network: str = ""
    split: str = ""
    encoder: str = ""


class Measured(NamedTuple):
    """One arm and what an evaluation found out about it; no evidence, and why, where it cannot be asked."""

    trial: Trial
    sets: Sequence[Made | None]
    evidence: Any
    reason: str = ""

    def digest(self, seed: int) -> str:
        """Return the digest of the arm's set under a seed, empty where it adds nothing."""
        made = self.sets[seed] if self.sets else None
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
        """What the rows may be of; scores on features are listed once per family, without an encoder."""

    def about(self, info: DatasetInfo) -> bool:
        """Say whether the question makes sense for a dataset at all; where it does not, there are no rows."""
        return True

    async def applies(self, trial: Trial) -> str:
        """Say why an arm cannot be asked; empty where it can. The reason stands in the arm's rows."""
        return ""

    @abstractmethod
    async def measure(self, trial: Trial) -> Any:
        """Await the steps that the question needs and return the evidence; None where there is nothing to ask."""

    @abstractmethod
    def rows(self, measured: Sequence[Measured], rows: Rows) -> Iterator[ScoreRow]:
        """Yield the rows of all arms; the first arm is the baseline."""

    def outputs(self, evidence: Any) -> Iterator[Output]:
        """Yield the outputs that the rows of one arm came from."""
        return iter(())

    def findings(self, evidence: Any) -> Sequence[Mapping[str, Any]]:
        """Return what the run's document is to say beside the rows, as JSON values."""
        return ()


def metric_versions(evaluation: Evaluation, *ids: str) -> dict[str, int]:
    """Return the versions that stand in the key of a step: the evaluation's, and those of the metrics it computes.

    Args:
        evaluation: who computes.
        ids: of its metrics; all of them where none is named.
    """
    chosen = [metric for metric in evaluation.metrics if not ids or metric.id in ids]
    found = {f"metric:{metric.id}": metric.protocol_version for metric in chosen}
    return {f"evaluation:{evaluation.name}": version_of(evaluation), **found}
