"""Evaluations of predictions for test images: statistics of each image, and scores computed from them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from bench.contract import Dataset, DatasetInfo, Prediction, Sample
from bench.engine.context import Run
from bench.engine.session import together
from bench.engine.step import Finished, Step
from bench.evaluation.base import Evaluation, Measured, Output, metric_versions
from bench.evaluation.comparison import Scored, compare
from bench.evaluation.over_folds import compare_folds
from bench.evaluation.row_maker import Rows, metric_columns
from bench.evaluation.score import Score
from bench.evaluation.statistics import Statistics, write_statistics
from bench.results.table import ScoreRow
from bench.stages.predict import read_prediction
from bench.stages.trial import Tested, Trial

if TYPE_CHECKING:
    from metrics.entry import Metric


class Compared(NamedTuple):
    """The statistics of one network's predictions."""

    tested: Tested
    statistics: Finished


class PredictionEvaluation(Evaluation):
    """Compares every network's predictions for the test images with their labels, arm by arm.

    A metric in another package derives from this class: `metrics` describes it, `image` returns the statistics of one
    image, and `scores` says how they become the number. Intervals and differences from the baseline follow.
    """

    @abstractmethod
    def image(self, sample: Sample, prediction: Prediction, info: DatasetInfo) -> Mapping[str, object]:
        """Return the statistics of one image: names, and values that fit a column of a table."""

    @abstractmethod
    def scores(self, info: DatasetInfo) -> Iterator[Score]:
        """Yield the scores that are computed from the statistics of all images."""

    def settings(self, info: DatasetInfo) -> Mapping[str, object]:
        """Return what the statistics depend on, besides images and predictions, as JSON values."""
        return {"classes": list(info.classes), "labels": list(info.labels), "mpp": info.mpp}

    async def applies(self, trial: Trial) -> str:
        """Return why no network was trained on an arm."""
        return await trial.untested()

    async def measure(self, trial: Trial) -> list[Compared]:
        """Train, predict and compare under all seeds."""
        tested = await trial.tested()
        return await together(*(self._one(trial, each) for each in tested))

    async def _one(self, trial: Trial, tested: Tested) -> Compared:
        session = trial.bench.session
        step = Evaluate(
            place=session.numeric,
            title=trial.title(tested.network, tested.under),
            evaluation=self,
            predictions=tested.predictions,
            test=trial.bench.data["test"],
        )
        return Compared(tested, await session.do(step))

    def rows(self, measured: Sequence[Measured], rows: Rows) -> Iterator[ScoreRow]:
        """Yield every score of every network: values, intervals and differences from the baseline."""
        for network in _networks(measured):
            scored = [_scored(each, network) for each in measured if not each.reason]
            for score, metric, columns in self._asked(measured[0], network, rows):
                yield from compare(scored, score, metric, columns, rows)
                for each in measured:
                    if each.reason:
                        yield rows.row(each.trial.arm, columns, reason=each.reason)

    def rows_over_folds(
        self, measured: Sequence[Sequence[Measured]], made: Sequence[Sequence[ScoreRow]], rows: Rows
    ) -> Iterator[ScoreRow]:
        """Yield every score of every network over all folds, from the statistics of images."""
        n_train, n_test = (sum(len(fold[0].trial.bench.data[role]) for fold in measured) for role in ("train", "test"))
        by_arm = list(zip(*measured, strict=True))
        reasons = [_reason_of_folds(folds) for folds in by_arm]
        kept = [folds for folds, reason in zip(by_arm, reasons, strict=True) if not reason]
        for network in _networks(measured[0]):
            scored = [[_scored(each, network) for each in fold] for fold in zip(*kept, strict=True)]
            for score, metric, columns in self._asked(measured[0][0], network, rows):
                yield from compare_folds(scored, score, metric, columns, rows, n_test / n_train)
                for folds, reason in zip(by_arm, reasons, strict=True):
                    if reason:
                        yield rows.row(folds[0].trial.arm, columns, reason=reason)

    def _asked(self, first: Measured, network: str, rows: Rows) -> Iterator[tuple[Score, Metric, dict[str, Any]]]:
        """Yield every score with its metric and the columns that its rows share."""
        known = {metric.id: metric for metric in self.metrics}
        for score in self.scores(first.trial.bench.data["test"].info):
            metric = known[score.metric]
            yield (
                score,
                metric,
                {
                    **metric_columns(metric),
                    "split": "test",
                    "downstream": network,
                    "budget": rows.budget,
                    "class": score.class_,
                },
            )

    def outputs(self, evidence: Sequence[Compared]) -> Iterator[Output]:
        """Yield models, predictions and statistics."""
        for tested, statistics in evidence:
            yield Output("model", tested.model, tested.under, tested.network)
            yield Output("predictions", tested.predictions, tested.under, tested.network, "test")
            yield Output("statistics", statistics, tested.under, tested.network, "test")


def _networks(measured: Sequence[Measured]) -> list[str]:
    return list(dict.fromkeys(one.tested.network for each in measured for one in each.evidence))


def _reason_of_folds(folds: Sequence[Measured]) -> str:
    """Return why an arm has no number in some fold; empty if it has one in each."""
    lacking = [(k, each.reason) for k, each in enumerate(folds, 1) if each.reason]
    return f"fold {lacking[0][0]}/{len(folds)}: {lacking[0][1]}" if lacking else ""


def _scored(measured: Measured, network: str) -> Scored:
    of_network = [one for one in measured.evidence if one.tested.network == network]
    statistics = [Statistics(one.statistics.path) for one in of_network]
    seeds = [one.tested.under for one in of_network]
    return Scored(measured.trial.arm, statistics, [measured.digest(under.generation) for under in seeds], seeds)


@dataclass(frozen=True, kw_only=True, eq=False)
class Evaluate(Step):
    """Compare predictions with a split, and write one row of statistics per image."""

    stage: ClassVar[str] = "evaluate"
    version: ClassVar[int] = 2

    evaluation: PredictionEvaluation
    predictions: Finished
    test: Dataset

    @property
    def config(self) -> dict[str, Any]:
        """The evaluation, and what its statistics depend on."""
        return {"evaluation": self.evaluation.name, **self.evaluation.settings(self.test.info)}

    @property
    def inputs(self) -> dict[str, str]:
        """Key of the predictions, and digest of the split."""
        return {"predictions": self.predictions.key, "test": self.test.digest}

    @property
    def versions(self) -> dict[str, int]:
        """Versions of the evaluation and of its metrics: a changed metric is computed again."""
        return metric_versions(self.evaluation)

    def run(self, folder: Path, context: Run) -> None:
        """Write the statistics."""
        rows: list[dict[str, object]] = []
        with context.progress("evaluate", len(self.test), unit="image") as progress:
            for index in range(len(self.test)):
                prediction = read_prediction(self.predictions.path / f"{index:05d}.npz")
                sample = self.test[index]
                found = self.evaluation.image(sample, prediction, self.test.info)
                rows.append({"id": sample.id, "group": sample.group, **found})
                progress.advance(1)
        write_statistics(folder, rows)
