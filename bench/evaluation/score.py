"""Scores: the statistics of an image that a metric sums, and how the sums become the metric."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float64

from bench.evaluation.statistics import Statistics

if TYPE_CHECKING:
    from metrics.groups import Statistic
    from metrics.jackknife import Jackknife


@dataclass(frozen=True)
class Score:
    """One metric of a test set.

    `class_` is the name of a nucleus class, empty for metrics over all. `statistic` is the number as a function of
    summed statistics, with what a group weighs in it. A mean has two statistics per image, its value
    and whether it counts; `is_mean` marks it, so that images that are left out are counted. `whole` computes a number
    that is not a function of sums, such as an area under a curve, from the whole test set. `missing` says why there is
    no number, `remark` is a note that the reader of the number needs; both are usually empty.
    """

    metric: str
    class_: str
    read: Callable[[Statistics], Float64[np.ndarray, "n k"]]
    statistic: Statistic
    is_mean: bool = False
    whole: Callable[[Statistics], float] | None = None
    missing: Callable[[Statistics], str] = lambda statistics: ""
    remark: Callable[[Statistics], str] = lambda statistics: ""

    def skipped(self, statistics: Statistics) -> int | None:
        """Return how many images a mean leaves out; None if the score is not a mean."""
        return len(statistics) - int(self.read(statistics)[:, 1].sum()) if self.is_mean else None


def mean_score(
    metric: str,
    values: Callable[[Statistics], Float64[np.ndarray, " n"]],
    *,
    remark: Callable[[Statistics], str] = lambda statistics: "",
) -> Score:
    """Return a score that is a mean over images; images whose value is NaN do not count."""
    from metrics.groups import MEAN, mean_statistics

    return Score(metric, "", lambda s: mean_statistics(values(s)), MEAN, is_mean=True, remark=remark)


def number(statistics: Statistics, name: str) -> Float64[np.ndarray, " n"]:
    """Return a column of one number per image."""
    return statistics.numbers(name)


def stack(score: Score, seeds: Sequence[Statistics]) -> Float64[np.ndarray, "seeds n k"]:
    """Return a score's statistics under every seed."""
    return np.stack([score.read(statistics) for statistics in seeds])


def jackknife(score: Score, seeds: Sequence[Statistics], shape: tuple[int, int] | None = None) -> Jackknife:
    """Return a score under every seed and without each group.

    Args:
        score: the score.
        seeds: the statistics of the same images under every seed.
        shape: the numbers of training and of generation seeds, if each is used with each.
    """
    from metrics.jackknife import Jackknife

    values = stack(score, seeds)
    cells = values if shape is None else values.reshape(*shape, *values.shape[1:])
    return Jackknife.of(cells, np.array(seeds[0].groups), score.statistic)
