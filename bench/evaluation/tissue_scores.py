"""The statistics of an image with a class, and the scores of the tissue track that are computed from them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
from jaxtyping import Float, Float64, Real

from bench.evaluation.score import Score
from bench.evaluation.statistics import Statistics


def tissue_row(label: int, seen: int, scores: Float[np.ndarray, " c"] | None, n_classes: int) -> dict[str, Any]:
    """Return the statistics of one image: its class, its own confusion matrix, and its scores if there are any."""
    confusion = np.zeros((n_classes, n_classes), np.int64)
    confusion[label, seen] = 1
    row: dict[str, Any] = {"label": label, "confusion": confusion.ravel().tolist()}
    return row if scores is None else row | {"scores": [float(value) for value in scores]}


def tissue_scores(labels: Sequence[str]) -> Iterator[Score]:
    """Yield the scores of the tissue track: all metrics of image-level classes in `metrics.table`."""
    from metrics import classification as of
    from metrics.groups import Statistic

    accuracy = Statistic(of.accuracy, _images)
    yield Score("accuracy", "", _confusion, accuracy)
    kinds = (("f1", of.f1), ("sensitivity", of.sensitivity), ("specificity", of.specificity))
    for place, (name, statistic) in enumerate(kinds):
        yield Score(f"{name}_macro", "", _confusion, Statistic(statistic("macro"), partial(_denominators, place=place)))
        yield Score(f"{name}_weighted", "", _confusion, Statistic(statistic("weighted"), _images))
    yield Score("auroc", "", _confusion, accuracy, whole=_auroc)
    for index, label in enumerate(labels):
        for place, (name, _) in enumerate(kinds):
            of_class = Statistic(
                partial(_of_class, place=place, index=index),
                partial(_denominators, place=place, classes=slice(index, index + 1)),
            )
            yield Score(f"{name}_class", label, _confusion, of_class)
        yield Score("auroc_class", label, _confusion, accuracy, whole=partial(_auroc_of_class, index=index))


def _images(flat: Real[np.ndarray, "*batch cc"]) -> Float64[np.ndarray, "*batch 1"]:
    return np.asarray(flat.sum(axis=-1, keepdims=True))


def _denominators(
    flat: Real[np.ndarray, "*batch cc"], place: int, classes: slice = slice(None)
) -> Float64[np.ndarray, "*batch c"]:
    from metrics.classification import denominators

    return denominators(flat)[..., place, classes]


def _confusion(statistics: Statistics) -> Float64[np.ndarray, "n cc"]:
    return statistics.numbers("confusion")


def _of_class(flat: Real[np.ndarray, "*batch cc"], place: int, index: int) -> Float64[np.ndarray, "*batch"]:
    from metrics.classification import by_class

    return np.asarray(by_class(flat)[place][..., index])


def _auroc(statistics: Statistics) -> float:
    from metrics.classification import auroc

    return auroc(statistics.column("label"), statistics.numbers("scores"))


def _auroc_of_class(statistics: Statistics, index: int) -> float:
    from metrics.classification import auroc_of_class

    return auroc_of_class(statistics.column("label"), statistics.numbers("scores"), index)
