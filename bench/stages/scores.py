"""From statistics to scores: every metric with its interval, and its paired difference to the baseline."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from jaxtyping import Float64

from bench.stages.evaluate import IMAGE_VALUES, POOLED, Statistics

Statistic = Callable[[Float64[np.ndarray, "... k"]], Float64[np.ndarray, " ..."]]


@dataclass(frozen=True)
class Score:
    """One metric of a test set: which statistics of an image it sums, and how the sums become the metric.

    `class_` is the name of a nucleus class, empty for metrics over all.
    """

    metric: str
    class_: str
    read: Callable[[Statistics], Float64[np.ndarray, "n k"]]
    statistic: Statistic


def nuclei_scores(classes: Sequence[str]) -> Iterator[Score]:
    """List the scores of the nucleus track."""
    from metrics.instances import pooled_pq
    from metrics.types import detection_f1, detection_precision, detection_recall, type_accuracy, type_f1
    from metrics.uncertainty import mean_of

    for name in IMAGE_VALUES:
        yield Score(f"{name}/image", "", partial(_values, name=name), mean_of)
    yield Score("pq/pooled", "", _pooled, pooled_pq)
    for metric, function in (
        ("f_d", detection_f1),
        ("precision_d", detection_precision),
        ("recall_d", detection_recall),
        ("acc", type_accuracy),
    ):
        yield Score(metric, "", _types, function)
    for index, name in enumerate(classes):
        yield Score("f_type", name, _types, partial(_of_class, function=type_f1, index=index))


def stack(score: Score, seeds: Sequence[Statistics]) -> Float64[np.ndarray, "seeds n k"]:
    """Read a score's statistics under every seed."""
    return np.stack([score.read(statistics) for statistics in seeds])


def _values(statistics: Statistics, name: str) -> Float64[np.ndarray, "n 2"]:
    """Sum and count of a mean over images; images that do not count are NaN."""
    from metrics.uncertainty import mean_statistics

    return mean_statistics(statistics.values[name])


def _pooled(statistics: Statistics) -> Float64[np.ndarray, "n 4"]:
    return np.stack([statistics.values[name] for name in POOLED], axis=1)


def _types(statistics: Statistics) -> Float64[np.ndarray, "n k"]:
    return statistics.types


def _of_class(sums: Float64[np.ndarray, "... k"], function: Callable[..., Any], index: int) -> np.ndarray:
    values: np.ndarray = function(sums)[..., index]
    return values
