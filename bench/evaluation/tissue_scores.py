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
