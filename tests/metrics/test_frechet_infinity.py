"""The Fréchet distance at infinite n against the distance of two Gaussians, which is known."""

import numpy as np
import pytest

from metrics.frechet import frechet_distance, frechet_from_moments
from metrics.frechet_infinity import FEWEST, frechet_infinity


def test_it_is_the_distance_of_the_gaussians_and_the_plain_one_is_not():
    d, n, repeats = 10, 200, 30
    scales = np.linspace(0.5, 1.5, d)
    truth = frechet_from_moments(np.zeros(d), np.eye(d), np.full(d, 0.1), np.diag(scales**2))
    plain, infinite = [], []
    for seed in range(repeats):
        rng = np.random.default_rng(seed)
        x, y = rng.normal(size=(n, d)), 0.1 + scales * rng.normal(size=(n, d))
        plain.append(frechet_distance(x, y).value)
        infinite.append(frechet_infinity(x, y, rng=rng))
    error = np.std(infinite) / repeats**0.5
    assert np.mean(infinite) == pytest.approx(truth, abs=3 * error + 0.02 * truth)
    assert np.mean(plain) - truth > 4 * abs(np.mean(infinite) - truth)


def test_equal_distributions_are_at_zero():
    found = []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        found.append(frechet_infinity(rng.normal(size=(120, 6)), rng.normal(size=(120, 6)), rng=rng))
    assert abs(np.mean(found)) < 3 * np.std(found) / 30**0.5 + 0.01


@pytest.mark.parametrize("missing", [0, 1])
def test_it_needs_images(missing):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(FEWEST * 5, 5)), rng.normal(size=(FEWEST * 5 - missing, 5))
    assert np.isnan(frechet_infinity(x, y, rng=rng)) == bool(missing)
