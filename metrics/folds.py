"""Intervals and paired differences of cross-validated arms; folds are not treated as independent replications.

A fold tests on its own slides and trains on slides that it shares with the other folds. The estimate is the mean of
the folds' values: mean over folds k of the mean over training seeds of the statistic of the fold's images. Its error
has three sources (see `metrics.estimate`):

- *slides*: √(Σ_k V_k) / K, where V_k is the variance over the groups of fold k (`metrics.jackknife`), with
  Satterthwaite's degrees of freedom;
- *seeds*: √(Σ_k s_k² / S_k) / K over the seeds of a fold, with Σ_k (S_k - 1) degrees of freedom;
- *folds*, for the training sets: the variance s² of the fold values, times (1 / K + n_test / n_train), with K - 1
  degrees of freedom, of which the part that slides and seeds explain is subtracted. The second term is the correction
  of Nadeau & Bengio (Machine Learning 2003, eq. 8) for training sets that overlap. No estimate of this variance is
  unbiased (Bengio & Grandvalet, JMLR 2004), so it is meant to err upwards. With one seed per fold, the spread over
  seeds is part of this source.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64, Real

from bench.errors import DataError
from metrics.estimate import Estimate, Range, Spread, satterthwaite
from metrics.jackknife import Jackknife, spread_of_groups
from metrics.uncertainty import (
    NAN,
    Difference,
    Interval,
    arm_interval,
    difference_fields,
    interval_fields,
    no_interval,
    paired_difference,
)


def cross_validated(
    folds: Sequence[Jackknife],
    *,
    test_share: float | None = None,
    bounds: Range = (None, None),
    level: float = 0.95,
) -> Interval:
    """Return the mean of a number over folds with its interval over slides, training seeds and training sets.

    Args:
        folds: the number of each fold, under every training seed and without each group; at least two, no group in more
            than one of them.
        test_share: n_test / n_train of a fold; 1 / (K - 1), that of K-fold cross-validation, unless given.
        bounds: the range of the metric, which the interval does not leave; None: unbounded.
        level: coverage of the interval.

    Raises:
        DataError: fewer than two folds, or a group in two of them.

    >>> from metrics.groups import MEAN, mean_statistics
    >>> values = [mean_statistics(np.array([[k, k + 2.0]])) for k in (1, 2, 3)]
    >>> folds = [Jackknife.of(fold, [f"{k}a", f"{k}b"], MEAN) for k, fold in enumerate(values)]
    >>> found = cross_validated(folds)
    >>> found.value, found.method, found.n_groups
    (3.0, 'groups+folds', 6)
    """
    _check(folds)
    parts = [
        _Part(arm_interval(fold), fold.mean_influences, fold.mean_shares, (fold.values.ravel(),)) for fold in folds
    ]
    estimate, about, reason = _combine(parts, test_share)
    if estimate is None:
        return Interval(**about, reason=reason)
    return Interval(**{**about, **interval_fields(estimate, bounds, level)})


def cross_validated_difference(
    a: Sequence[Jackknife],
    b: Sequence[Jackknife],
    *,
    test_share: float | None = None,
    bounds: Range = (None, None),
    level: float = 0.95,
) -> Difference:
    """Return the mean over folds of the paired difference of two arms, a - b, with its interval and p-value.

    Within a fold, what a slide does to both arms cancels; the spread over folds is that of the differences.
    Arguments are those of :func:`cross_validated`.

    Raises:
        DataError: as there, or the arms do not have the same groups in the same folds.

    >>> from metrics.groups import MEAN, mean_statistics
    >>> values = [mean_statistics(np.array([[k, k + 2.0]])) for k in (1, 2)]
    >>> b = [Jackknife.of(fold, [f"{k}a", f"{k}b"], MEAN) for k, fold in enumerate(values)]
    >>> a = [Jackknife.of(fold + [0.5, 0], [f"{k}a", f"{k}b"], MEAN) for k, fold in enumerate(values)]
    >>> cross_validated_difference(a, b).value
    0.5
    """
    _check(a)
    if len(a) != len(b) or any(not np.array_equal(x.labels, y.labels) for x, y in zip(a, b, strict=False)):
        raise DataError(
            "The arms are not tested on the same groups of the same folds",
            got=f"{[len(fold.labels) for fold in a]} and {[len(fold.labels) for fold in b]} groups, or other ones",
        )
    parts = [
        _Part(
            paired_difference(one, other),
            one.mean_influences - other.mean_influences,
            (one.mean_shares + other.mean_shares) / 2,
            (one.values.ravel(), other.values.ravel()),
        )
        for one, other in zip(a, b, strict=True)
    ]
    estimate, about, reason = _combine(parts, test_share)
    if estimate is None:
        return Difference(**about, reason=reason)
    return Difference(**{**about, **difference_fields(estimate, bounds, level)})


def corrected_resampled_t(
    values: Real[np.ndarray, " folds"] | Sequence[float],
    *,
    test_share: float | None = None,
    bounds: Range = (None, None),
    level: float = 0.95,
) -> Interval:
    """Return the mean of one number per fold with the interval of the corrected resampled t-test.

    Mean ± t(K - 1) · √((1 / K + n_test / n_train) · s²) (Nadeau & Bengio 2003, eq. 8). It ignores slides and seeds, and
    is meant for numbers that are not functions of sums over images.

    Raises:
        DataError: fewer than two folds, or a number is NaN or infinite.

    >>> round(corrected_resampled_t([0.1, 0.2, 0.3]).se, 4)  # 0.1 · √(1/3 + 1/2)
    0.0913
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or len(array) < 2 or not np.isfinite(array).all():
        raise DataError("There must be a finite number of each of at least two folds", got=f"{array}")
    n = len(array)
    spread = Spread(float(np.sqrt(array.var(ddof=1) * _factor(n, test_share))), n - 1)
    fields = interval_fields(Estimate.of(float(array.mean()), [spread]), bounds, level)
    return Interval(**fields, method="folds", n_groups=0, n_folds=n)


@dataclass(frozen=True)
class _Part:
    """The contribution of one fold: its interval, the influences of its groups, and the values of each arm's seeds."""

    found: Interval
    influences: Float64[np.ndarray, " groups"]
    shares: Float64[np.ndarray, " groups"]
    per_seed: tuple[Float64[np.ndarray, " _seeds"], ...]

    @property
    def slides(self) -> Spread:
        return spread_of_groups(self.influences, self.shares)


def _combine(parts: Sequence[_Part], test_share: float | None) -> tuple[Estimate | None, dict[str, Any], str]:
    """Return the mean over folds, the fields of its interval without bounds, and why there are none (else empty)."""
    n = len(parts)
    values = np.array([part.found.value for part in parts])
    value = float(values.mean())
    seeds = _seeds([values for part in parts for values in part.per_seed], n)
    about: dict[str, Any] = {
        **dict.fromkeys(("se", "low", "high"), NAN),
        "value": value,
        "method": "groups+seeds+folds" if seeds else "groups+folds",
        "n_groups": sum(part.found.n_groups for part in parts),
        "n_effective": sum(part.found.n_effective for part in parts),
        "n_seeds": min(len(values) for part in parts for values in part.per_seed),
        "n_folds": n,
    }
    for k, part in enumerate(parts, 1):
        reason = no_interval(part.found.value, part.shares, part.influences)
        if reason:
            return None, about, f"fold {k}/{n}: {reason}"
    slides = [part.slides for part in parts]
    variances = np.array([spread.se**2 for spread in slides])
    of_slides = Spread(float(np.sqrt(variances.sum())) / n, satterthwaite(float(variances.sum()), slides))
    # s² of the fold values contains each fold's error from slides and seeds once, on average
    explained = variances.mean() + n * sum(spread.se**2 for spread in seeds)
    factor = _factor(n, test_share)
    folds = Spread(float(values.std(ddof=1) * np.sqrt(factor)), n - 1)
    estimate = Estimate.of(value, [of_slides, *seeds], [folds], shared=float(explained * factor))
    if estimate.total.se <= 1e-12 * max(1.0, abs(value)):
        return None, about, "no interval: all groups of all folds have the same value"
    return estimate, about, ""


def _seeds(per_seed: Sequence[Float64[np.ndarray, " _seeds"]], n_folds: int) -> tuple[Spread, ...]:
    """Return the spread of the mean over folds due to seeds; an arm with one seed has the mean variance of the others.

    There is none if no fold has several seeds.
    """
    dof = sum(len(values) - 1 for values in per_seed)
    if not dof:
        return ()
    known = np.mean([values.var(ddof=1) for values in per_seed if len(values) > 1])
    variances = [(values.var(ddof=1) if len(values) > 1 else known) / len(values) for values in per_seed]
    return (Spread(float(np.sqrt(np.sum(variances))) / n_folds, dof),)


def _factor(n_folds: int, test_share: float | None) -> float:
    return 1 / n_folds + (1 / (n_folds - 1) if test_share is None else test_share)


def _check(folds: Sequence[Jackknife]) -> None:
    if len(folds) < 2:
        raise DataError(
            "There must be at least two folds", got=f"{len(folds)}", fix="for one test set use arm_interval"
        )
    seen: set[str | int] = set()
    for fold in folds:
        groups = set(fold.labels.tolist())
        if groups & seen:
            raise DataError(
                "Two folds test on the same slides",
                got=f"{min(str(group) for group in groups & seen)!r} in two of them",
                fix="give each fold its own test slides; runs that share a test set are seeds of arm_interval",
            )
        seen |= groups
