"""Fréchet distance of two feature sets, each described by a Gaussian."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64
from scipy.linalg import blas, eigvalsh

from bench.errors import DataError
from metrics.features import check_pair

# A negative result within this share of the traces is a rounding error and becomes 0. One that is more negative comes
# from the roots of eigenvalues that should be 0: of features of low rank, for instance.
_ROUNDING = 1e-9


@dataclass(frozen=True)
class FrechetDistance:
    """A Fréchet distance (0 for equal moments, no upper bound) and the sizes it was estimated from.

    `rank_deficient`: a set has no more rows than `d`, so its covariance is singular and the value is biased
    upwards; compare it only with values of the same numbers of rows.
    """

    value: float
    n_real: int
    n_synthetic: int
    d: int
    rank_deficient: bool


def frechet_distance(real: Float[np.ndarray, "n d"], synthetic: Float[np.ndarray, "m d"]) -> FrechetDistance:
    """Return the Fréchet distance ‖μ₁ - μ₂‖² + tr(S₁ + S₂ - 2(S₁S₂)^½) of two feature sets.

    Args:
        real: one row per image, finite; converted to float64.
        synthetic: the same for synthetic images, from the same encoder.

    Raises:
        DataError: there are fewer than two rows, NaN or infinite features, or the widths differ.

    Covariances have ddof 1 and nothing is added to them (Heusel et al., NeurIPS 2017; clean-fid adds 1e-6 to
    the diagonal if scipy's sqrtm fails). The trace of the root is computed from symmetric eigenvalues or, if
    both sets have no more rows than columns, from the singular values of Xc Ycᵀ, which is then faster and
    more accurate.

    >>> real = np.array([[0.0, 0.0], [2.0, 0.0], [0.0, 2.0], [2.0, 2.0]])
    >>> frechet_distance(real, real + 3).value  # 3² + 3²
    18.0
    """
    x, y = check_pair(real, synthetic)
    (n, d), m = x.shape, len(y)
    mean_x, mean_y = x.mean(axis=0), y.mean(axis=0)
    x = (x - mean_x) / np.sqrt(n - 1)
    y = (y - mean_y) / np.sqrt(m - 1)
    traces = float((x**2).sum() + (y**2).sum())
    shift = float(((mean_x - mean_y) ** 2).sum())
    if max(n, m) <= d:
        root = _nuclear_norm(x, y)
    else:
        few, many = (x, y) if n < m else (y, x)
        cov = many.T @ many
        root = _root_trace(few @ cov @ few.T if len(few) <= d else _congruent(few.T @ few, cov))
        if shift + traces - 2 * root < -_ROUNDING * max(traces, 1.0):
            root = _nuclear_norm(*(np.linalg.qr(rows, mode="r") for rows in (x, y)))
    return FrechetDistance(
        value=max(shift + traces - 2 * root, 0.0),
        n_real=n,
        n_synthetic=m,
        d=d,
        rank_deficient=min(n, m) <= d,
    )


def frechet_from_moments(
    mean_real: Float[np.ndarray, " d"],
    cov_real: Float[np.ndarray, "d d"],
    mean_synthetic: Float[np.ndarray, " d"],
    cov_synthetic: Float[np.ndarray, "d d"],
) -> float:
    """Return the Fréchet distance of two Gaussians given by mean and covariance.

    Raises:
        DataError: the distance would be negative, since a matrix is not symmetric or not positive semidefinite.

    >>> frechet_from_moments(np.zeros(2), np.eye(2), np.ones(2), 4 * np.eye(2))  # 2 + 2 · (2 - 1)²
    4.0
    """
    cov_x, cov_y = np.asarray(cov_real, dtype=np.float64), np.asarray(cov_synthetic, dtype=np.float64)
    traces = float(np.trace(cov_x) + np.trace(cov_y))
    mean_x, mean_y = np.asarray(mean_real, dtype=np.float64), np.asarray(mean_synthetic, dtype=np.float64)
    shift = float(((mean_x - mean_y) ** 2).sum())
    root = _root_trace(_congruent(cov_x, cov_y))
    if shift + traces - 2 * root < -_ROUNDING * max(traces, 1.0):
        root = _nuclear_norm(_factor(cov_x, "real"), _factor(cov_y, "synthetic"))
    return max(shift + traces - 2 * root, 0.0)


def _congruent(first: Float64[np.ndarray, "d d"], second: Float64[np.ndarray, "d d"]) -> Float64[np.ndarray, "d d"]:
    """Return RᵀS₂R with RRᵀ = S₁: R is Cholesky's factor or, for a singular S₁, made of eigenvectors."""
    try:
        root = np.linalg.cholesky(first)
    except np.linalg.LinAlgError:
        values, vectors = np.linalg.eigh(first)
        root = vectors * np.sqrt(values.clip(min=0))
        return np.asarray(root.T @ second @ root)
    # Products with a triangular matrix cost half as much. BLAS reads columns first, so a transposed view is free.
    upper = root.T
    right = blas.dtrmm(1.0, upper, second.T, side=1, trans_a=1)
    return np.asarray(blas.dtrmm(1.0, upper, right, overwrite_b=1))


def _root_trace(similar: Float64[np.ndarray, "r r"]) -> float:
    """Return tr((S₁S₂)^½): the eigenvalues of S₁S₂ are those of symmetric RᵀS₂R with RRᵀ = S₁, and zeros."""
    return float(np.sqrt(eigvalsh(similar, driver="evd", check_finite=False).clip(min=0)).sum())


def _nuclear_norm(x: Float64[np.ndarray, "n d"], y: Float64[np.ndarray, "m d"]) -> float:
    """Return tr((S₁S₂)^½) of S₁ = XᵀX and S₂ = YᵀY, the sum of the singular values of XYᵀ: no root magnifies an error."""
    return float(np.linalg.svd(x @ y.T, compute_uv=False).sum())


def _factor(cov: Float64[np.ndarray, "d d"], name: str) -> Float64[np.ndarray, "d d"]:
    """Return X with S = XᵀX, from the eigenvalues that are not rounding errors."""
    values, vectors = np.linalg.eigh(cov)
    zero = len(values) * np.finfo(np.float64).eps * np.abs(values).max(initial=0.0)
    if not np.allclose(cov, cov.T) or values.min() < -1e3 * zero:
        raise DataError(
            f"The covariance of the {name} features is none: it is not symmetric and positive semidefinite",
            got=f"a smallest eigenvalue of {values.min():g}",
        )
    return np.asarray((vectors * np.sqrt(np.where(values > zero, values, 0.0))).T)
