"""The installed evaluations, our own and those of other packages."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from bench.contract import DatasetInfo
from bench.errors import ConfigError
from bench.evaluation.base import Evaluation
from bench.evaluation.predictions import PredictionEvaluation
from bench.registry import load, names, unknown

if TYPE_CHECKING:
    from metrics.entry import Metric

# Rows are in this order, followed by those of other packages.
_ORDER = (
    "distances",
    "alignment",
    "acceptance",
    "gan_test",
    "leakage",
    "nuclei",
    "tissue",
    "faithfulness",
    "reconstruction",
)


def evaluations(info: DatasetInfo | None = None, only: Collection[str] | None = None) -> list[Evaluation]:
    """Return the evaluations that are about a dataset, or all of them if no dataset is given.

    Args:
        info: the dataset.
        only: names of the evaluations to choose from; None for all that are installed.

    Raises:
        ConfigError: an entry point does not name an evaluation, or one of `only` is not installed.
    """
    known = names("evaluations")
    if odd := [name for name in only or () if name not in known]:
        raise unknown("evaluation", odd[0], known)
    ordered = [name for name in _ORDER if name in known] + [name for name in known if name not in _ORDER]
    ordered = [name for name in ordered if only is None or name in only]
    found = [evaluation(name) for name in ordered]
    return [one for one in found if info is None or one.about(info)]


def known_metrics() -> dict[str, Metric]:
    """Return every metric that an evaluation may report, by id; the table's own has precedence."""
    from metrics.table import METRICS

    found = dict(METRICS)
    for one in evaluations():
        for metric in one.metrics:
            found.setdefault(metric.id, metric)
    return found


def reporters(chosen: Iterable[Evaluation]) -> dict[str, str]:
    """Return the name of the evaluation that reports each metric.

    Scores on features are listed under their family, and under every name that published weights give them.
    """
    from metrics.families import PUBLISHED

    found = {metric.id: one.name for one in chosen for metric in one.metrics}
    named = {metric.id: found[family] for (family, _), metric in PUBLISHED.items() if family in found}
    return {**named, **found}


def evaluation(name: str) -> Evaluation:
    """Return the evaluation of this name.

    Raises:
        ConfigError: there is none, or its entry point does not name an evaluation.
    """
    plugin: type[Evaluation] = load("evaluations", name, Evaluation)
    return plugin()


def prediction_evaluation(name: str) -> PredictionEvaluation:
    """Return the evaluation of predictions of this name.

    Raises:
        ConfigError: there is none, or it does not read predictions.
    """
    found = evaluation(name)
    if not isinstance(found, PredictionEvaluation):
        raise ConfigError(
            f"The evaluation {name!r} does not compare predictions",
            got=type(found).__name__,
            fix="derive the class from bench.evaluation.predictions.PredictionEvaluation",
        )
    return found
