"""Intervals and paired differences of cross-validated arms; folds are not treated as independent replications.

A fold tests on its own slides and trains on slides that it shares with the other folds. The estimate is the mean of
the folds' values: mean over folds k of the mean over training seeds of the statistic of the fold's images. Three
sources of its error are added in quadrature:

- *slides*: groups are resampled within their fold (a stratified cluster bootstrap). Each fold's deviations are
  stretched by √(G_k / (G_k - 1)), and percentile half-widths by t(dof) / z with Welch-Satterthwaite's dof;
- *seeds*: √(Σ_k s_k² / S_k) / K over the seeds of a fold, t with Σ_k (S_k - 1) degrees of freedom;
- *folds*, for the training sets: the amount by which the variance s² of the fold values exceeds what slides and seeds
  explain, times (1 / K + n_test / n_train), with t(K - 1). The second term is the correction of Nadeau & Bengio
  (Machine Learning 2003, eq. 8) for training sets that overlap. No estimate of this variance is unbiased (Bengio &
  Grandvalet, JMLR 2004), so it is meant to err upwards. With one seed per fold, the spread over seeds is part of this
  source.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Real
from scipy.special import stdtr, stdtrit

from bench.errors import DataError
from metrics.quadrature import Bounds, Spread
from metrics.resampling import Groups, Statistic, group_sums, replicates
from metrics.uncertainty import NAN, Difference, Interval, interval_fields


@dataclass(frozen=True)
class Fold:
    """One fold's test set: sufficient statistics of its images under each training seed, and their groups.

    Two arms of one fold are compared on the same images, in the same order; their numbers of seeds may differ.
    """

    statistics: Real[np.ndarray, "seeds images k"]
    groups: Groups
    name: str = ""


def cross_validated(
    folds: Sequence[Fold],
    statistic: Statistic,
    *,
    rng: np.random.Generator,
    test_share: float | None = None,
    n_resamples: int = 2000,
    level: float = 0.95,
) -> Interval:
    """Return the mean of a statistic over folds with its interval over slides, training seeds and training sets.

    Args:
        folds: at least two, no group in more than one of them.
        statistic: function of summed statistics, vectorised over leading axes: `[..., k] -> [...]`.
        rng: draws the resamples.
        test_share: n_test / n_train of a fold; 1 / (K - 1), that of K-fold cross-validation, unless given.
        n_resamples: number of resamples of whole groups, each fold's within the fold.
        level: coverage of the interval.

    Raises:
        DataError: fewer than two folds, a group in two of them, groups and images that differ in number, or a
            statistic that is NaN or infinite.

    >>> folds = [Fold(np.array([[[k, 1], [k + 2, 1]]]), [f"{k}a", f"{k}b"]) for k in (1, 2, 3)]
    >>> mean = lambda sums: sums[..., 0] / sums[..., 1]
    >>> found = cross_validated(folds, mean, rng=np.random.default_rng(0))
    >>> found.value, found.method, found.n_groups
    (3.0, 'groups+folds', 6)
    """
    _check(folds)
    parts = [_part([fold], statistic, n_resamples, rng) for fold in folds]
    bounds, problem = _combine(parts, test_share)
    n_groups = sum(part.n_groups for part in parts)
    fields = interval_fields(bounds, n_groups, n_resamples, level, method=_covers(bounds), reason=problem)
    return Interval(**fields, n_seeds=_fewest_seeds(parts), n_folds=len(parts))


def cross_validated_difference(
    a: Sequence[Fold],
    b: Sequence[Fold],
    statistic: Statistic,
    *,
    rng: np.random.Generator,
    test_share: float | None = None,
    n_resamples: int = 2000,
    level: float = 0.95,
) -> Difference:
    """Return the mean over folds of the paired difference of two arms, a - b, with its interval and p-value.

    Within a fold both arms share the resamples of its slides; the spread over folds is that of the differences.
    Arguments are those of :func:`cross_validated`.

    Raises:
        DataError: as there, or the arms do not have the same images of the same folds.

    >>> b = [Fold(np.array([[[k, 1], [k + 2, 1]]]), [f"{k}a", f"{k}b"]) for k in (1, 2)]
    >>> a = [Fold(fold.statistics + [2, 0], fold.groups) for fold in b]
    >>> mean = lambda sums: sums[..., 0] / sums[..., 1]
    >>> cross_validated_difference(a, b, mean, rng=np.random.default_rng(0)).value
    2.0
    """
    _check(a)
    if len(a) != len(b) or any(list(one.groups) != list(other.groups) for one, other in zip(a, b, strict=False)):
        raise DataError(
            "The arms are not tested on the same images of the same folds",
            got=f"{[len(fold.groups) for fold in a]} and {[len(fold.groups) for fold in b]} images, or other groups",
        )
    parts = [_part([one, other], statistic, n_resamples, rng) for one, other in zip(a, b, strict=True)]
    bounds, problem = _combine(parts, test_share)
    n_groups = sum(part.n_groups for part in parts)
    fields = interval_fields(bounds, n_groups, n_resamples, level, method=_covers(bounds), reason=problem)
    p_value = NAN if fields["reason"] else bounds.p_value()
    return Difference(**fields, n_seeds=_fewest_seeds(parts), n_folds=len(parts), p_value=p_value)


def corrected_resampled_t(
    differences: Real[np.ndarray, " folds"] | Sequence[float], *, test_share: float | None = None, level: float = 0.95
) -> Difference:
    """Return the corrected resampled t-test of one difference per fold (Nadeau & Bengio 2003, eq. 8).

    Interval mean ± t(K - 1) · √((1 / K + n_test / n_train) · s²). It ignores slides and seeds; it is meant
    for numbers without sufficient statistics, such as published ones, and for comparison.

    Raises:
        DataError: fewer than two folds, or a difference is NaN or infinite.

    >>> round(corrected_resampled_t([0.1, 0.2, 0.3]).se, 4)  # 0.1 · √(1/3 + 1/2)
    0.0913
    """
    values = np.asarray(differences, dtype=np.float64)
    if values.ndim != 1 or len(values) < 2 or not np.isfinite(values).all():
        raise DataError("There must be a finite difference of each of at least two folds", got=f"{values}")
    n, mean = len(values), float(values.mean())
    se = float(np.sqrt(values.var(ddof=1) * _factor(n, test_share)))
    half = float(stdtrit(n - 1, (1 + level) / 2)) * se
    p_value = float(2 * stdtr(n - 1, -abs(mean) / se)) if se else NAN
    return Difference(mean, se, mean - half, mean + half, "folds", n_groups=0, n_folds=n, p_value=p_value)


@dataclass(frozen=True)
class _Part:
    """The contribution of one fold: its value under each seed of each arm, and the value's resamples."""

    name: str
    value: float
    per_seed: tuple[Float64[np.ndarray, " _seeds"], ...]
    replicates: Float64[np.ndarray, " b"]
    n_groups: int

    @property
    def correction(self) -> float:
        return self.n_groups / (self.n_groups - 1)

    @property
    def slides_variance(self) -> float:
        return float(self.replicates[np.isfinite(self.replicates)].var()) * self.correction


def _part(arms: Sequence[Fold], statistic: Statistic, n_resamples: int, rng: np.random.Generator) -> _Part:
    """Return one fold with its groups resampled; with two arms, the value is their difference."""
    sums = [group_sums(arm.statistics, arm.groups) for arm in arms]
    per_seed = tuple(statistic(arm.sum(axis=-2)) for arm in sums)
    n_groups = sums[0].shape[-2]
    drawn = replicates(sums, statistic, n_resamples, rng) if n_groups > 1 else np.zeros((len(arms), 0))
    means = [float(values.mean()) for values in per_seed]
    if len(arms) == 1:
        return _Part(arms[0].name, means[0], per_seed, drawn[0], n_groups)
    return _Part(arms[0].name, means[0] - means[1], per_seed, drawn[0] - drawn[1], n_groups)


def _combine(parts: Sequence[_Part], test_share: float | None) -> tuple[Bounds, str]:
    """Return the bounds of the mean over folds, and why there is no interval (empty if there is one)."""
    n = len(parts)
    values = np.array([part.value for part in parts])
    value = float(values.mean())
    for part, number in zip(parts, range(1, n + 1), strict=True):
        name = part.name or str(number)
        if np.isnan(part.value):
            return _no_bounds(NAN), f"the metric is undefined in fold {name}"
        if part.n_groups < 2:
            return _no_bounds(value), f"groups of fold {name} cannot be resampled: {part.n_groups} of at least 2"
        if not np.isfinite(part.replicates).any():
            return _no_bounds(value), f"the metric is undefined in every resample of fold {name}"
    deviations = [(part.replicates - part.value) * np.sqrt(part.correction) for part in parts]
    drawn = value + np.mean(deviations, axis=0)
    slides = np.array([part.slides_variance for part in parts])
    seeds = Spread.of_seeds([values for part in parts for values in part.per_seed])
    # s² of the fold values contains each fold's error from slides and seeds once, on average
    explained = slides.mean() + seeds.se**2 / n
    excess = max(float(values.var(ddof=1) - explained), 0.0)
    folds = Spread(float(np.sqrt(excess * _factor(n, test_share))), n - 1)
    dof = _satterthwaite(slides, np.array([part.n_groups - 1 for part in parts]))
    finite = np.sort(drawn[np.isfinite(drawn)])
    return Bounds(value, finite, dof, 1.0, (Spread(seeds.se / n, seeds.dof), folds)), ""


def _no_bounds(value: float) -> Bounds:
    return Bounds(value, np.zeros(0), 0, NAN, ())


def _satterthwaite(variances: Float64[np.ndarray, " k"], dof: Real[np.ndarray, " k"]) -> float:
    """Return the degrees of freedom of a sum of variances that have `dof` each."""
    total = variances.sum()
    return float(total**2 / (variances**2 / dof).sum()) if total > 0 else float(dof.sum())


def _factor(n_folds: int, test_share: float | None) -> float:
    return 1 / n_folds + (1 / (n_folds - 1) if test_share is None else test_share)


def _covers(bounds: Bounds) -> str:
    return "groups+seeds+folds" if bounds.spreads and bounds.spreads[0].dof else "groups+folds"


def _fewest_seeds(parts: Sequence[_Part]) -> int:
    return min(len(values) for part in parts for values in part.per_seed)


def _check(folds: Sequence[Fold]) -> None:
    if len(folds) < 2:
        raise DataError(
            "There must be at least two folds", got=f"{len(folds)}", fix="for one test set use arm_interval"
        )
    seen: set[str | int] = set()
    for fold in folds:
        groups = set(np.unique(np.asarray(fold.groups)).tolist())
        if groups & seen:
            raise DataError(
                "Two folds test on the same slides",
                got=f"{min(str(group) for group in groups & seen)!r} in two of them",
                fix="give each fold its own test slides; runs that share a test set are seeds of arm_interval",
            )
        seen |= groups
