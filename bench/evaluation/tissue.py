"""How well are classes of tissue distinguished? Class probabilities of test images against their labels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from bench.contract import DatasetInfo, Prediction, Sample
from bench.errors import DataError
from bench.evaluation.base import Measured
from bench.evaluation.pictures.shown import Shown
from bench.evaluation.pictures.tissue import confused, confusion_matrices
from bench.evaluation.predictions import PredictionEvaluation
from bench.evaluation.score import Score
from bench.evaluation.tissue_scores import tissue_row, tissue_scores
from bench.results.evidence import Confusion

if TYPE_CHECKING:
    from metrics.entry import Metric


class Tissue(PredictionEvaluation):
    """Accuracy, F1, sensitivity, specificity and AUROC of image-level classes."""

    name: ClassVar[str] = "tissue"
    version: ClassVar[int] = 2

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """All metrics of image-level classes in the table of metrics."""
        from metrics.table import of_groups

        return of_groups("images")

    def about(self, info: DatasetInfo) -> bool:
        """Return whether images have a class."""
        return info.task == "tissue"

    def settings(self, info: DatasetInfo) -> Mapping[str, object]:
        """Return the class names."""
        return {"labels": list(info.labels)}

    def image(self, sample: Sample, prediction: Prediction, info: DatasetInfo) -> Mapping[str, object]:
        """Return the statistics of one image."""
        return tissue_statistics(sample, prediction, len(info.labels))

    def scores(self, info: DatasetInfo) -> Iterator[Score]:
        """Yield the scores."""
        return tissue_scores(info.labels)

    def pictures(self, measured: Sequence[Measured]) -> Iterator[Shown]:
        """Yield images of the classes that are confused most often."""
        return confused(measured)

    def confusions(self, measured: Sequence[Measured], threads: int) -> Iterator[Confusion]:
        """Yield the confusion of classes of every arm and network."""
        return confusion_matrices(measured)


def tissue_statistics(sample: Sample, prediction: Prediction, n_classes: int) -> dict[str, object]:
    """Return the true class, the class of highest probability and the probabilities of one image.

    Raises:
        DataError: truth or prediction has no class.
    """
    if sample.label is None or prediction.scores is None:
        raise DataError("There must be a class in truth and prediction", got=f"none for {sample.id}")
    return tissue_row(sample.label, int(np.argmax(prediction.scores)), prediction.scores, n_classes)
