"""Agreement of several raters who sort the same items into categories."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64, Integer

from bench.errors import DataError
from metrics.groups import Statistic


def rater_statistics(counts: Integer[np.ndarray, "items categories"]) -> Float64[np.ndarray, "items k"]:
    """Return what Fleiss' kappa needs of each item: the agreement of its pairs of raters, its shares, and 1.

    Args:
        counts: how many raters chose each category for each item; every item has the same number of raters.

    Raises:
        DataError: items differ in their number of raters, or have fewer than two.

    >>> rater_statistics(np.array([[3, 1], [0, 4]])).tolist()
    [[0.5, 0.75, 0.25, 1.0], [1.0, 0.0, 1.0, 1.0]]
    """
    table = np.asarray(counts, dtype=np.float64)
    raters = np.unique(table.sum(axis=1))
    if len(raters) != 1 or raters[0] < 2:
        raise DataError(
            "Every item must have the same number of raters, at least 2", got=f"{raters.astype(int).tolist()} raters"
        )
    n = float(raters[0])
    agreement = (table * (table - 1)).sum(axis=1) / (n * (n - 1))
    return np.column_stack([agreement, table / n, np.ones(len(table))])


def kappa_of(sums: Float64[np.ndarray, "*batch k"]) -> Float64[np.ndarray, "*batch"]:
    """Return (P - P_e) / (1 - P_e) of summed statistics; NaN if all ratings are of one category.

    >>> float(kappa_of(np.array([2.0, 1.0, 1.0, 2.0])))
    1.0
    """
    n = np.where(sums[..., -1] > 0, sums[..., -1], np.nan)
    observed, shares = sums[..., 0] / n, sums[..., 1:-1] / n[..., None]
    expected = (shares**2).sum(axis=-1)
    room = 1 - expected
    return np.asarray(np.divide(observed - expected, room, out=np.full(n.shape, np.nan), where=room > 1e-12))


KAPPA = Statistic(kappa_of, lambda sums: sums[..., -1:])
"""Fleiss' kappa, of :func:`rater_statistics`."""


def fleiss_kappa(counts: Integer[np.ndarray, "items categories"]) -> float:
    """Return Fleiss' kappa: 1 for full agreement, 0 for as much as by chance (Psychological Bulletin 1971).

    Args:
        counts: how many raters chose each category for each item; every item has the same number of raters.

    Returns:
        NaN if all ratings are of one category.

    Raises:
        DataError: items differ in their number of raters, or have fewer than two.

    >>> round(fleiss_kappa(np.array([[3, 0], [0, 3], [2, 1]])), 3)
    0.55
    """
    return float(kappa_of(rater_statistics(counts).sum(axis=0)))
