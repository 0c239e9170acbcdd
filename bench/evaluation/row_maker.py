"""Makes rows from the columns that all rows of a run, an arm or a metric share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from bench.digest import digest
from bench.plan.arms import Arm
from bench.plan.seeds import Replicates
from bench.results.table import ALL_SEEDS, ScoreRow

if TYPE_CHECKING:
    from metrics.entry import Metric
    from metrics.uncertainty import Difference, Interval


class Behind(NamedTuple):
    """What is behind the rows of an arm: its sets and generators.

    `size` is the number of images of a set, `digests` are those of the sets by generation seed, `generators` the
    numbers of generators that were trained separately: for one set, and for all of them.
    """

    size: int = 0
    digests: Sequence[str] = ()
    generators: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class Rows:
    """Makes the rows of one run.

    `common` are the columns that all of its rows share, `budget` that of rows of trained networks, `selector` the
    network that chooses images from pools, `replicates` the seeds, `behind` the sets and generators of each arm, by the
    arm's title, `starts_from` what each network's training started from, `groups` the number of groups of each split,
    and `group_kind` what a group is.
    """

    common: Mapping[str, Any]
    budget: str
    selector: str = ""
    replicates: Replicates = field(default_factory=lambda: Replicates(1))
    behind: Mapping[str, Behind] = field(default_factory=dict)
    starts_from: Mapping[str, str] = field(default_factory=dict)
    groups: Mapping[str, int] = field(default_factory=dict)
    group_kind: str = ""

    def row(self, arm: Arm, columns: Mapping[str, Any], **more: Any) -> ScoreRow:
        """Return one row of an arm; later columns override earlier ones."""
        behind = self.behind.get(arm.title, Behind())
        of_arm = {
            "method": arm.name,
            "variant": arm.variant,
            "ratio": arm.trained_ratio,
            "n_synthetic": behind.size if arm.title in self.behind else None,
            "starts_from": self.starts_from.get(str(columns.get("downstream", "")), ""),
        }
        made = {**of_arm, **self.common, **columns, **more}
        made |= _of_seeds(made, behind) | self._of_groups(made)
        return ScoreRow(**(made if made.get("kind", "score") != "score" else within_range(made)))

    def _of_groups(self, made: Mapping[str, Any]) -> dict[str, Any]:
        """Return how many groups an interval over groups has, and what they are."""
        if "groups" not in (made.get("ci_method") or ""):
            return {}
        counted = made.get("n_groups")
        split = str(made.get("split", "")).partition(" ")[0]  # "test masks" are of the test split
        n_groups = self.groups.get(split) if counted is None else counted
        return {"n_groups": n_groups, "group_kind": self.group_kind}


def _of_seeds(made: Mapping[str, Any], behind: Behind) -> dict[str, Any]:
    """Return the columns of a row that follow from its seeds and its arm's sets, unless the row gives them itself."""
    generation = made.get("generation", 0)
    of_all = generation == ALL_SEEDS
    several = of_all or made.get("seed", 0) == ALL_SEEDS
    sets = behind.digests if of_all else behind.digests[generation : generation + 1]
    found: dict[str, Any] = {"generators": behind.generators[of_all]}
    if not made.get("set_digest"):
        found["set_digest"] = together(sets)
    if made.get("n_distinct") is None and made.get("value") is not None:
        found["n_distinct"] = len(set(sets)) if several else 1
    return found


def together(digests: Sequence[str]) -> str:
    """Return one digest for several, in order of their first appearance: of equal ones, it is the digest itself.

    >>> together(["ab", "ab"]), together([]), together(["ab", ""])
    ('ab', '', 'ab')
    >>> together(["ab", "cd"]) == together(["cd", "ab"]), len(together(["ab", "cd"]))
    (False, 16)
    """
    different = list(dict.fromkeys(filter(None, digests)))
    return digest(different)[:16] if len(different) > 1 else "".join(different)


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
