"""The range in which fresh real slides are around a floor, from the distances between halves of the real slides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64
from scipy.special import gammaincinv

from metrics.matched import Design

FEWEST_SLIDES = 4
# The effective number of directions comes from few slides and few draws; its variance is taken at this quantile.
_CAUTION = 0.25
_SIMULATED = 20000


class FreshRange(NamedTuple):
    """Bounds of what a set of fresh real slides shows."""

    low: float
    high: float


def fresh_range(
    floors: Sequence[float],
    design: Design,
    *,
    all_pairs: Sequence[float] | None = None,
    within: float | None = None,
    level: float = 0.95,
) -> FreshRange | None:
    """Return the range that holds `level` of the mean distances of fresh slides; None for fewer than four slides.

    A distance of two samples of slides is about Σ λ c², over directions of the feature space, of the differences c
    of their means. Of two halves it is V (1/h + 1/k) in expectation, where V is the variance of a slide and h and k
    are the numbers of slides. The mean over halves of the distance of a fixed set of s slides has the same
    expectation; of G real slides, only the part V (1/G + 1/s) differs from set to set, as does the variance of the
    set's own slides. The quantiles are those of sums of χ² with v directions, v = 2 mean² / variance over halves.

    Args:
        floors: the distance between two halves in each draw.
        design: the numbers of slides.
        all_pairs: for a distance without pairs within slides, the same over all pairs, which is never negative.
        within: the distance within slides, for a set that does not derive from slides: it may show more slides than
            a half has, so the range begins where a set of very many slides would be.
        level: share of sets of fresh slides inside the range.

    >>> from metrics.matched import matched_draws
    >>> names = [f"slide {i // 4}" for i in range(32)]
    >>> rngs = (np.random.default_rng(seed) for seed in range(4))
    >>> design = matched_draws(names, [f"new {i // 4}" for i in range(32)], 9, rngs=rngs)
    >>> low, high = fresh_range([2.0, 3.0, 4.0, 3.0], design)
    >>> round(low, 1), round(high, 1)
    (1.8, 5.3)
    """
    sizes = np.asarray(floors if all_pairs is None else all_pairs, dtype=np.float64)
    floor, scale = float(np.mean(floors)), float(sizes.mean())
    if design.slides < FEWEST_SLIDES or len(sizes) < 2 or not np.isfinite([floor, scale]).all():
        return None
    apart = _fresh(design, _directions(sizes, design.slides), apart_only=all_pairs is not None)
    low, high = np.quantile(apart, [(1 - level) / 2, (1 + level) / 2]).tolist()
    start = floor if design.of_set or within is None else (floor + within) / 2
    return FreshRange(start + scale * low, floor + scale * high)


def _fresh(design: Design, directions: float, *, apart_only: bool) -> Float64[np.ndarray, " draws"]:
    """Return draws of (mean distance of fresh slides - floor) / floor, by the variance of these real slides."""
    rng = np.random.default_rng(0)
    real, made = design.slides, design.of_set or design.of_other

    def chi2_of(samples: float) -> Float64[np.ndarray, " draws"]:
        return np.asarray(rng.chisquare(directions * samples, _SIMULATED) / (directions * samples))

    means, of_real = (1 / real + 1 / made) * chi2_of(1), chi2_of(real - 1)
    of_made = chi2_of(max(made - 1, 1))
    half, other = (0.0, 0.0) if apart_only else (1 / design.of_half, 1 / design.of_other)
    value = means + (half - 1 / real) * of_real + (other - 1 / made) * of_made
    return np.asarray((value / of_real - half - other) / (1 / design.of_half + 1 / design.of_other))


def _directions(sizes: np.ndarray, slides: int) -> float:
    """Return the effective number of directions in which slides differ, rather too small than too large."""
    mean, variance = float(sizes.mean()), float(sizes.var(ddof=1))
    if variance <= 0 or mean <= 0:
        return 1.0
    known = 1 / (1 / (len(sizes) - 1) + 2 / (slides * (slides - 3)))
    # halves of the same slides differ less than halves of new ones
    variance *= (slides - 1) / (slides - 2) * known / _chi2_quantile(_CAUTION, known)
    return max(2 * mean**2 / variance, 1.0)


def _chi2_quantile(share: float, freedom: float) -> float:
    """Return the quantile of a share (0 to 1) of χ² with real degrees of freedom, as `scipy.stats` computes it.

    That module takes half a second to import.
    """
    return 2 * float(gammaincinv(freedom / 2, share))
