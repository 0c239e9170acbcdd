"""Manifold and memorisation scores against a slow twin, and what they say of known failures."""

import numpy as np
import pytest

from bench.errors import DataError
from metrics import neighbours
from metrics.frechet import frechet_distance
from metrics.manifold import manifold_scores
from metrics.memorisation import memorisation
from tests.reference import manifold as twin


def normal(n, d=8, shift=0.0, seed=0):
    return np.random.default_rng(seed).normal(shift, 1, (n, d))


@pytest.mark.parametrize("block", [17, 1024])
@pytest.mark.parametrize("k", [1, 5])
def test_equals_the_slow_twin(monkeypatch, block, k):
    monkeypatch.setattr(neighbours, "_BLOCK", block)
    real, synthetic = normal(90), normal(60, shift=0.4, seed=1)
    found = manifold_scores(real, synthetic, k=k)
    values = found.precision, found.recall, found.density, found.coverage
    assert values == pytest.approx(twin.prdc(real, synthetic, k))
    assert memorisation(real, synthetic).auth_pct == pytest.approx(twin.auth_pct(real, synthetic))


def test_far_sets_share_nothing():
    found = manifold_scores(normal(50), normal(50, shift=30, seed=1))
    assert (found.precision, found.recall, found.density, found.coverage) == (0, 0, 0, 0)


def test_mode_collapse_keeps_precision_and_loses_recall_and_coverage():
    modes = 8 * np.eye(4, 8)
    rng = np.random.default_rng(0)
    real, fresh = (modes[rng.integers(4, size=400)] + 0.3 * rng.normal(size=(400, 8)) for _ in range(2))
    collapsed = modes[0] + 0.3 * rng.normal(size=(400, 8))
    good, bad = manifold_scores(real, fresh), manifold_scores(real, collapsed)
    assert bad.precision > 0.9 * good.precision
    assert bad.recall < 0.5 * good.recall
    assert bad.coverage < 0.5 * good.coverage


def test_copies_are_close_in_distance_and_not_authentic():
    train, test = normal(300), normal(300, seed=1)
    copies = train[:150] + 1e-6
    found = memorisation(train, copies, test)
    assert frechet_distance(train, copies).value < frechet_distance(train, test[:150]).value
    assert found.auth_pct == 0
    assert found.copy_rate == 1
    assert found.nearest.tolist() == list(range(150))


def test_fresh_images_are_authentic():
    found = memorisation(normal(400), normal(400, seed=2), normal(400, seed=1))
    assert 35 < found.auth_pct < 75
    assert found.copy_rate == pytest.approx(0.05, abs=0.04)
    assert np.isnan(memorisation(normal(20), normal(20, seed=1)).copy_rate)


def test_distances_are_exact_far_from_the_origin():
    x, y = normal(20, shift=1000), normal(30, shift=1000, seed=1)
    distance = np.concatenate([block for _, block in neighbours.squared_distances(x, y)])
    expected = ((x[:, None] - y[None]) ** 2).sum(axis=2)
    assert np.abs(distance - expected).max() < 1e-4


def test_refuses():
    with pytest.raises(DataError, match="k neighbours"):
        manifold_scores(normal(5), normal(50))
