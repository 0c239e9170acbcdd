"""Makes rows from the columns that all rows of a run, an arm or a metric share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.plan.arms import Arm
from bench.plan.seeds import Replicates
from bench.results.table import ScoreRow

if TYPE_CHECKING:
    from metrics.entry import Metric
    from metrics.uncertainty import Difference, Interval


@dataclass(frozen=True)
class Rows:
    """Makes the rows of one run.

    `common` are the columns that all of its rows share, `budget` that of rows of trained networks, `selector` the
    network that chooses images from pools, `replicates` the seeds, `sizes` the number of images of each arm's set, by
    the arm's title, `starts_from` what each network's training started from.
    """

    common: Mapping[str, Any]
    budget: str
    selector: str = ""
    replicates: Replicates = field(default_factory=lambda: Replicates(1))
    sizes: Mapping[str, int] = field(default_factory=dict)
    starts_from: Mapping[str, str] = field(default_factory=dict)

    def row(self, arm: Arm, columns: Mapping[str, Any], **more: Any) -> ScoreRow:
        """Return one row of an arm; later columns override earlier ones."""
        of_arm = {
            "method": arm.name,
            "variant": arm.variant,
            "ratio": arm.trained_ratio,
            "n_synthetic": self.sizes.get(arm.title),
            "starts_from": self.starts_from.get(str(columns.get("downstream", "")), ""),
        }
        made = {**of_arm, **self.common, **columns, **more}
        return ScoreRow(**(made if made.get("kind", "score") != "score" else within_range(made)))


def within_range(columns: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns of a score whose interval does not leave the range of its metric.

    An interval from few replicates is symmetric and may be wide.
    """
    from metrics.table import find

    entry = find(columns["metric"])
    low, high = (None, None) if entry is None else entry.bounds
    kept = dict(columns)
    for end in ("ci_low", "ci_high"):
        value = columns.get(end)
        if value is not None and not np.isnan(value):
            kept[end] = float(np.clip(value, low, high))
    return kept


def metric_columns(entry: Metric) -> dict[str, Any]:
    """Return the columns that describe a metric."""
    return {
        "metric": entry.id,
        "direction": entry.direction,
        "protocol": entry.protocol_version,
        "aggregation": entry.aggregation,
    }


def interval_columns(interval: Interval) -> dict[str, Any]:
    """Return an interval as columns; missing values or bounds come with the reason."""
    groups = {"n_groups": interval.n_groups, "n_effective": interval.n_effective} if interval.n_groups else {}
    return {
        "value": interval.value,
        "se": interval.se,
        "ci_low": interval.low,
        "ci_high": interval.high,
        "ci_method": interval.method,
        "reason": interval.reason,
        **groups,
    }


def difference_columns(difference: Difference, p_holm: float) -> dict[str, Any]:
    """Return a paired difference as columns, given its p-value adjusted for the number of arms."""
    return {
        **interval_columns(difference),
        "kind": "difference",
        "p": difference.p_value,
        "p_holm": p_holm,
        "detectable": difference.detectable,
    }
