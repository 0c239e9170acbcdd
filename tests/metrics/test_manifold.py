"""Manifold and memorisation scores against prdc, torch-fidelity and a slow twin, and what they say of failures."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.errors import DataError
from metrics import nearest_neighbours
from metrics.frechet import frechet_distance
from metrics.manifold import manifold_scores
from metrics.memorisation import memorisation
from tests.reference import manifold as twin

NAMES = ("precision", "recall", "density", "coverage")


def normal(n, d=8, shift=0.0, seed=0):
    return np.random.default_rng(seed).normal(shift, 1, (n, d))


@pytest.mark.parametrize("block", [17, 1024])
@pytest.mark.parametrize("k", [1, 5])
def test_equals_the_slow_twin(agree, monkeypatch, block, k):
    monkeypatch.setattr(nearest_neighbours, "_BLOCK", block)
    real, synthetic = normal(90), normal(60, shift=0.4, seed=1)
    found = manifold_scores(real, synthetic, k=k)
    about = {"reference": "tests/reference/manifold.py", "bound": 1e-9}
    inputs = "90 and 60 normal rows of 8, k of 1 and 5"
    for name, theirs in zip(NAMES, twin.prdc(real, synthetic, k), strict=True):
        agree(name, getattr(found, name), theirs, function="prdc", inputs=inputs, **about)
    test = normal(50, seed=2)
    copies = memorisation(real, synthetic, test)
    inputs = "90, 60 and 50 normal rows of 8"
    agree("auth_pct", copies.auth_pct, twin.auth_pct(real, synthetic), function="auth_pct", inputs=inputs, **about)
    theirs = twin.copy_rate(real, synthetic, test)
    agree("copy_rate", copies.copy_rate, theirs, function="copy_rate", inputs=inputs, **about)


LARGER = "500 and 400 normal rows of 32, k of 3 and 5"


@pytest.mark.parametrize("k", [3, 5])
def test_equals_prdc(agree, capsys, k):
    from prdc import compute_prdc

    real, synthetic = normal(500, 32), normal(400, 32, 0.1, seed=1)
    found, theirs = manifold_scores(real, synthetic, k=k), compute_prdc(real, synthetic, k)
    for name in NAMES:
        about = {"reference": "prdc", "function": "compute_prdc", "inputs": LARGER, "bound": 1e-9}
        agree(name, getattr(found, name), theirs[name], **about)


@pytest.mark.parametrize("k", [3, 5])
def test_equals_torch_fidelity(agree, k):
    from torch_fidelity.metric_prc import prc_features_to_metric

    real, synthetic = normal(500, 32), normal(400, 32, 0.1, seed=1)
    found = manifold_scores(real, synthetic, k=k)
    theirs = prc_features_to_metric(
        torch.from_numpy(synthetic), torch.from_numpy(real), prc_neighborhood=k, verbose=False
    )
    for name in ("precision", "recall"):
        about = {"reference": "torch-fidelity", "function": "prc_features_to_metric", "inputs": LARGER, "bound": 1e-6}
        agree(name, getattr(found, name), theirs[name], **about)


@given(st.integers(0, 1000), st.integers(7, 30), st.integers(7, 30))
@settings(max_examples=40)
def test_blind_to_order_and_turned_round_with_the_sets(seed, n, m):
    rng = np.random.default_rng(seed)
    real, synthetic = rng.normal(size=(n, 4)), rng.normal(size=(m, 4))
    found, mixed = manifold_scores(real, synthetic), manifold_scores(rng.permutation(real), rng.permutation(synthetic))
    assert mixed == found
    swapped = manifold_scores(synthetic, real)
    assert (swapped.precision, swapped.recall) == (found.recall, found.precision)
    here, there = memorisation(real, synthetic), memorisation(rng.permutation(real), rng.permutation(synthetic))
    assert here.auth_pct == pytest.approx(there.auth_pct)


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


def test_repeated_images_count_once():
    train, test = normal(300), normal(300, seed=1)
    assert memorisation(train, np.repeat(train[:1], 40, axis=0), test).n == 1
    assert memorisation(train, np.repeat(train[:1], 40, axis=0)).auth_pct == 0
    # each training image twice: the distance between the two is no measure of how far apart images are
    doubled = np.concatenate([train, train])
    assert memorisation(doubled, train[:40]).auth_pct == 0
    fresh = normal(100, seed=2)
    once, often = memorisation(train, fresh, test), memorisation(doubled, np.concatenate([fresh, fresh]), test)
    assert (once.auth_pct, once.copy_rate, once.n) == (often.auth_pct, often.copy_rate, often.n)
    assert often.nearest.tolist() == [*once.nearest, *once.nearest]


def test_ties_are_not_authentic():
    assert memorisation(np.array([[0.0], [1.0], [3.0]]), np.array([[-1.0]])).auth_pct == 0


def test_fresh_images_are_authentic():
    found = memorisation(normal(400), normal(400, seed=2), normal(400, seed=1))
    assert 35 < found.auth_pct < 75
    assert found.copy_rate == pytest.approx(0.05, abs=0.04)
    assert np.isnan(memorisation(normal(20), normal(20, seed=1)).copy_rate)


def test_distances_are_exact_far_from_the_origin():
    x, y = normal(20, shift=1000), normal(30, shift=1000, seed=1)
    distance = np.concatenate([block for _, block in nearest_neighbours.squared_distances(x, y)])
    expected = ((x[:, None] - y[None]) ** 2).sum(axis=2)
    assert np.abs(distance - expected).max() < 1e-4


def test_refuses():
    with pytest.raises(DataError, match="k neighbours"):
        manifold_scores(normal(5), normal(50))
