"""Features that are constant, of low rank, doubled, few, or very large or small: distances are right or refused."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.errors import DataError
from metrics.features import LARGEST
from metrics.frechet import frechet_distance, frechet_from_moments
from metrics.frechet_infinity import frechet_infinity
from metrics.kernel import kernel_distance
from metrics.manifold import manifold_scores
from metrics.memorisation import memorisation

KINDS = ("constant", "zeros", "rank 1", "rank 3", "doubled", "one column", "half dead", "uneven", "plain")
SIZES = st.tuples(st.sampled_from([2, 3, 30, 70, 200]), st.sampled_from([1, 2, 5, 16, 64]))


def drawn(kind: str, n: int, d: int, scale: float = 1.0, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    full = rng.normal(size=(n, d))
    made = {
        "constant": np.full((n, d), 3.7),
        "zeros": np.zeros((n, d)),
        "rank 1": rng.normal(size=(n, 1)) * rng.normal(size=(1, d)) + 9,
        "rank 3": rng.normal(size=(n, 3)) @ rng.normal(size=(3, d)),
        "doubled": full[np.arange(n) % max(1, n // 2)],
        "one column": np.repeat(full[:, :1], d, axis=1),
        "half dead": np.maximum(full, 0) * (np.arange(d) % 2),
        "uneven": full * np.logspace(0, -12, d),
        "plain": full,
    }
    return made[kind] * scale


def spread(x: np.ndarray) -> float:
    return float(x.var(axis=0, ddof=1).sum())


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(KINDS), SIZES, st.sampled_from([1e-13, 1e-6, 1.0, 1e6, 1e13]), st.integers(0, 3), st.booleans())
def test_frechet_distance_of_a_set_with_itself_and_moved_and_widened(kind, shape, scale, seed, shuffled) -> None:
    x = drawn(kind, *shape, scale, seed)
    order = np.random.default_rng(seed).permutation(len(x)) if shuffled else np.arange(len(x))
    near = 1e-6 * spread(x) + 1e-25 * scale**2
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert frechet_distance(x, x[order]).value == pytest.approx(0, abs=near)
        cov = np.atleast_2d(np.cov(x, rowvar=False))
        assert frechet_from_moments(x.mean(0), cov, x.mean(0), cov) == pytest.approx(0, abs=near)
        moved = frechet_distance(x, x + scale).value
        assert moved == pytest.approx(x.shape[1] * scale**2, rel=1e-6, abs=near)
        wide = frechet_distance(x, 2 * x - x.mean(0)).value  # equal means, twice the deviations
        assert wide == pytest.approx(spread(x), rel=1e-6, abs=near)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(KINDS), SIZES, st.sampled_from([1e-13, 1.0, 1e13]), st.integers(0, 3))
def test_neighbours_and_kernels_are_finite_and_copies_are_never_authentic(kind, shape, scale, seed) -> None:
    x = drawn(kind, *shape, scale, seed)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = manifold_scores(x, x[::-1], k=1)
        assert all(0 <= value <= 1 for value in (found.precision, found.recall, found.coverage))
        assert np.isfinite([found.density, kernel_distance(x, x).value]).all()
        assert memorisation(x, x).auth_pct == 0
        assert memorisation(x, x, x).copy_rate == 1
        limit = frechet_infinity(x, x, rng=np.random.default_rng(0))
        assert np.isfinite(limit) or len(x) < 4 * x.shape[1]


def test_a_constant_set_has_a_kernel_distance_of_0() -> None:
    x = drawn("constant", 30, 5)
    assert kernel_distance(x, x).value == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("scale", [1e-16, 1e16, 1e200, 1e-200])
def test_features_beyond_what_can_be_squared_are_refused(scale) -> None:
    x = drawn("plain", 30, 5, scale)
    for score in (frechet_distance, kernel_distance, manifold_scores, memorisation):
        with pytest.raises(DataError, match="too (large|small) for distances") as refused:
            score(x, x)
        assert f"{LARGEST:g}" in refused.value.fix


def test_matrices_that_are_no_covariances_are_refused() -> None:
    mean, wrong = np.zeros(2), np.array([[1.0, 2.0], [2.0, 1.0]])
    with pytest.raises(DataError, match="covariance of the real features is none.*-1"):
        frechet_from_moments(mean, wrong, mean, wrong)
