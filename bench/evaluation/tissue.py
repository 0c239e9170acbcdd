"""How well are classes of tissue told apart? Class probabilities of test images against their labels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from jaxtyping import Float64, Real

from bench.contract import DatasetInfo, Prediction, Sample
from bench.errors import DataError
from bench.evaluation.score import Score
from bench.evaluation.statistics import Statistics

if TYPE_CHECKING:
    from metrics.entry import Metric
from bench.evaluation.predictions import PredictionEvaluation


class Tissue(PredictionEvaluation):
    """Accuracy, F1, sensitivity, specificity and AUROC of image-level classes."""

    name: ClassVar[str] = "tissue"

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """All that the table of metrics knows of image-level classes."""
        from metrics.table import of_groups

        return of_groups("images")

    def about(self, info: DatasetInfo) -> bool:
        """Say whether images have a class."""
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


def tissue_statistics(sample: Sample, prediction: Prediction, n_classes: int) -> dict[str, object]:
    """Keep the true class, the class of highest probability and the probabilities of one image.

    Raises:
        DataError: truth or prediction has no class.
    """
    if sample.label is None or prediction.scores is None:
        raise DataError("expected a class in truth and prediction", got=f"none for {sample.id}")
    confusion = np.zeros((n_classes, n_classes), np.int64)
    confusion[sample.label, int(np.argmax(prediction.scores))] = 1
    return {
        "label": sample.label,
        "confusion": confusion.ravel().tolist(),
        "scores": [float(value) for value in prediction.scores],
    }


def tissue_scores(labels: Sequence[str]) -> Iterator[Score]:
    """List the scores of the tissue track: all that `metrics.table` knows of image-level classes."""
    from metrics import classification as of

    yield Score("accuracy", "", _confusion, of.accuracy)
    for name, statistic in (("f1", of.f1), ("sensitivity", of.sensitivity), ("specificity", of.specificity)):
        yield Score(f"{name}_macro", "", _confusion, statistic("macro"))
        yield Score(f"{name}_weighted", "", _confusion, statistic("weighted"))
    yield Score("auroc", "", _confusion, of.accuracy, whole=_auroc)
    for index, label in enumerate(labels):
        for place, name in enumerate(("f1", "sensitivity", "specificity")):
            yield Score(f"{name}_class", label, _confusion, partial(_of_class, place=place, index=index))
        yield Score("auroc_class", label, _confusion, of.accuracy, whole=partial(_auroc_of_class, index=index))


def _confusion(statistics: Statistics) -> Float64[np.ndarray, "n cc"]:
    return statistics.numbers("confusion")


def _of_class(flat: Real[np.ndarray, "*batch cc"], place: int, index: int) -> Float64[np.ndarray, "*batch"]:
    from metrics.classification import by_class

    return np.asarray(by_class(flat)[place][..., index])


def _auroc(statistics: Statistics) -> float:
    from metrics.classification import auroc

    return auroc(statistics.column("label"), statistics.numbers("scores"))


def _auroc_of_class(statistics: Statistics, index: int) -> float:
    from metrics.classification import auroc_by_class

    return float(auroc_by_class(statistics.column("label"), statistics.numbers("scores"))[index])
