"""`bench score classes`: predicted image classes against true ones, with intervals."""

from __future__ import annotations

import numpy as np

from bench.scoring.class_tables import Predictions
from bench.scoring.classes_report import ClassesIntervals, ClassesReport, ClassScores
from bench.scoring.output import LEVEL, bounds, number


def score_predictions(predictions: Predictions, *, seed: int) -> ClassesReport:
    """Score predictions from one pooled confusion matrix; intervals resample groups.

    Args:
        predictions: true and predicted classes, scores and groups.
        seed: of the resamples.

    Raises:
        DataError: there are no images.
    """
    from metrics import classification
    from metrics.uncertainty import cluster_bootstrap

    true, pred, n_classes = predictions.true, predictions.pred, len(predictions.classes)
    scores = classification.score_classes(true, pred, n_classes, scores=predictions.scores)
    statistics = classification.one_hot_confusion(true, pred, n_classes)
    means = {
        f"{name}_{average}": statistic(average)
        for name, statistic in (
            ("f1", classification.f1),
            ("sensitivity", classification.sensitivity),
            ("specificity", classification.specificity),
        )
        for average in ("macro", "weighted")
    }
    ci = {}
    for name, statistic in {"accuracy": classification.accuracy, **means}.items():
        rng = np.random.default_rng(seed)  # one stream a metric: all of them resample the same groups
        interval = cluster_bootstrap(statistics, np.asarray(predictions.groups), statistic, rng=rng, level=LEVEL)
        ci[name] = bounds(interval.low, interval.high)
    return ClassesReport(
        n=len(true),
        n_groups=len(set(predictions.groups)),
        classes=list(predictions.classes),
        accuracy=scores.accuracy,
        **{name: number(getattr(scores, name)) for name in means},
        auroc=number(scores.auroc),
        per_class=_per_class(predictions, scores.confusion),
        confusion=scores.confusion.tolist(),
        ci=ClassesIntervals(**ci),
    )


def _per_class(predictions: Predictions, confusion: np.ndarray) -> dict[str, ClassScores]:
    from metrics.classification import auroc_by_class, by_class

    f1, sensitivity, specificity = by_class(confusion.ravel())
    areas = np.full(len(confusion), np.nan)
    if predictions.scores is not None:
        areas = auroc_by_class(predictions.true, predictions.scores)
    return {
        name: ClassScores(
            f1=number(f1[index]),
            sensitivity=number(sensitivity[index]),
            specificity=number(specificity[index]),
            auroc=number(areas[index]),
            n_true=int(confusion[index].sum()),
            n_pred=int(confusion[:, index].sum()),
        )
        for index, name in enumerate(predictions.classes)
    }
