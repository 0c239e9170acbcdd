"""The evaluations that are installed, ours and others' alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.contract import DatasetInfo
from bench.errors import ConfigError
from bench.evaluation.base import Evaluation
from bench.registry import load, names

if TYPE_CHECKING:
    from metrics.entry import Metric

# Their rows stand in this order, those of other packages after them.
_ORDER = ("distances", "acceptance", "gan_test", "leakage", "nuclei", "tissue", "faithfulness")


def evaluations(info: DatasetInfo | None = None) -> list[Evaluation]:
    """Return the evaluations that are about a dataset, all of them where none is given.

    Raises:
        ConfigError: an entry point does not name an evaluation.
    """
    known = names("evaluations")
    ordered = [name for name in _ORDER if name in known] + [name for name in known if name not in _ORDER]
    found = [_evaluation(name) for name in ordered]
    return [one for one in found if info is None or one.about(info)]


def known_metrics() -> dict[str, Metric]:
    """Return every metric that an evaluation may report, by id; the table's own where several name one."""
    from metrics.table import METRICS

    found = dict(METRICS)
    for evaluation in evaluations():
        for metric in evaluation.metrics:
            found.setdefault(metric.id, metric)
    return found


def _evaluation(name: str) -> Evaluation:
    plugin = load("evaluations", name)
    if not (isinstance(plugin, type) and issubclass(plugin, Evaluation)):
        raise ConfigError(
            f"The entry point {name!r} of the group bench.evaluations does not name an evaluation",
            got=repr(plugin),
            fix="derive the class from bench.evaluation.base.Evaluation",
        )
    made: Evaluation = plugin()
    return made
