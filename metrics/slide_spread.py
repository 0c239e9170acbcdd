"""How much the images of a slide vary, in a set relative to real images: what a generator without diversity loses."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float64
from scipy.special import digamma, stdtrit

from metrics.features import check_pair
from metrics.groups import Groups

DIRECTIONS = 20
# images of a slide, slides of a side: fewer say nothing about a variance, or about its spread over slides
_IMAGES, _SLIDES = 4, 2


class SlideSpread(NamedTuple):
    """The ratio of standard deviations within slides, synthetic : real (1: equal), with its interval."""

    value: float
    low: float
    high: float


def slide_spread(
    real: Float[np.ndarray, "n d"],
    synthetic: Float[np.ndarray, "m d"],
    real_groups: Groups,
    synthetic_groups: Groups,
    *,
    level: float = 0.99,
) -> SlideSpread | None:
    """Return the geometric mean over directions of the ratio of standard deviations within slides.

    A distance of whole sets compares few slides with few slides, whose differences hide a loss of variation within
    slides; this ratio does not contain them. The directions are the first 20 principal components of the deviations
    from the means of slides, in real slides other than those that are measured. Each slide has one number, its mean
    log variance; the interval is Welch's for the difference of two means of slides.

    Args:
        real: one row per image.
        synthetic: one row per image.
        real_groups: slide of each real image.
        synthetic_groups: slide that each synthetic image derives from.
        level: coverage of the interval.

    Returns:
        the ratio; None without two slides of four images on each side (four slides on that of the real images).

    Raises:
        DataError: the features are invalid.

    >>> rng = np.random.default_rng(0)
    >>> real, made = rng.normal(size=(80, 3)), 0.7 * rng.normal(size=(80, 3))
    >>> round(slide_spread(real, made, np.arange(80) // 10, np.arange(80) // 10).value, 2)
    0.7
    """
    x, y = check_pair(real, synthetic)
    slides, made = _deviations(x, real_groups), _deviations(y, synthetic_groups)
    if len(slides) < 2 * _SLIDES or len(made) < _SLIDES:
        return None
    halves = slides[::2], slides[1::2]
    of_real: list[float] = []
    of_made = np.zeros(len(made))
    for basis_of, measured in (halves, halves[::-1]):
        basis = _basis(basis_of)
        if not basis.size:
            return None
        of_real += [_log_variance(slide, basis) for slide in measured]
        of_made += [_log_variance(slide, basis) / 2 for slide in made]
    return _ratio(np.array(of_real), of_made, level)


def _deviations(x: Float64[np.ndarray, "n d"], groups: Groups) -> list[Float64[np.ndarray, "k d"]]:
    """Return the deviations from its slide's mean of every image, by slide; slides of few images are left out."""
    labels, codes = np.unique(np.asarray(groups).astype(str), return_inverse=True)
    found = (x[codes == code] for code in range(len(labels)))
    return [slide - slide.mean(axis=0) for slide in found if len(slide) >= _IMAGES]


def _basis(slides: list[Float64[np.ndarray, "_ d"]]) -> Float64[np.ndarray, "d p"]:
    deviations = np.concatenate(slides)
    _, sizes, axes = np.linalg.svd(deviations, full_matrices=False)
    most = min(DIRECTIONS, len(deviations) // 4, int((sizes > 1e-6 * sizes[0]).sum()))
    return np.asarray(axes[:most].T)


def _log_variance(slide: Float64[np.ndarray, "k d"], basis: Float64[np.ndarray, "d p"]) -> float:
    """Return the mean over directions of the log variance, without the bias of the log for few images."""
    freedom = len(slide) - 1
    variances = ((slide @ basis) ** 2).sum(axis=0) / freedom
    least = np.finfo(np.float64).tiny
    return float(np.log(np.maximum(variances, least)).mean() - digamma(freedom / 2) + np.log(freedom / 2))


def _ratio(real: Float64[np.ndarray, " g"], made: Float64[np.ndarray, " h"], level: float) -> SlideSpread:
    parts = [(float(values.var(ddof=1)) / len(values), len(values) - 1) for values in (real, made)]
    variance = sum(part for part, _ in parts)
    apart = float(made.mean() - real.mean())
    freedom = variance**2 / sum(part**2 / dof for part, dof in parts) if variance else np.inf
    half = float(stdtrit(freedom, (1 + level) / 2)) * variance**0.5
    low, value, high = (float(np.exp(end / 2)) for end in (apart - half, apart, apart + half))
    return SlideSpread(value, low, high)
