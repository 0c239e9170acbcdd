"""Columns that rows of scores of whole sets share: shares of images, and the mean over seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.evaluation.row_maker import interval_columns
from bench.evaluation.spreads import number_over_seeds
from bench.plan.seeds import Under, covered, over

if TYPE_CHECKING:
    from metrics.proportion import Proportion
    from metrics.sources import LeftOut


def share_columns(share: Proportion, n: int, of: str) -> dict[str, Any]:
    """Return the columns of a share of `n` images and of its interval, which is over `of`."""
    return {
        "value": share.value,
        "n": n,
        "se": share.se,
        "ci_low": share.low,
        "ci_high": share.high,
        "ci_method": of,
    }


def over_seeds(rows: Sequence[Mapping[str, Any]], remark: str = "", sources: Sequence[LeftOut] = ()) -> dict[str, Any]:
    """Return the mean of a score over seeds, with its interval within the metric's bounds.

    Args:
        rows: the columns of the score under each seed.
        remark: a note that the reader of the number needs.
        sources: the score under each seed without each group. The interval covers groups and seeds with them, and
            only seeds (Student's interval) without.
    """
    from metrics.sources import interval_over_sources
    from metrics.table import metric

    seeds = [Under(row["seed"], row["generation"]) for row in rows]
    bounds = metric(rows[0]["metric"]).bounds
    if sources:
        spread = interval_columns(interval_over_sources(sources, bounds=bounds))
        spread["ci_method"] = covered(spread["ci_method"], seeds)
    else:
        spread = number_over_seeds([row["value"] for row in rows], seeds, bounds=bounds)
    floors = [row["floor"] for row in rows if row.get("floor") is not None]
    return {
        **rows[0],
        **over(seeds),
        **spread,
        "floor": float(np.mean(floors)) if floors else None,
        "set_digest": "",
        "reason": "; ".join(filter(None, [spread["reason"], remark])),
    }
