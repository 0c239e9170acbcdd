"""Fréchet distance against scipy's matrix root, four packages, closed forms and published values."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import sqrtm

from bench.errors import DataError
from metrics.floor import real_floor
from metrics.frechet import frechet_distance, frechet_from_moments


def by_sqrtm(x, y):
    x, y = x.astype(np.float64), y.astype(np.float64)
    s1, s2 = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    return ((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(s1 + s2 - 2 * sqrtm(s1 @ s2).real)


def test_published_values():
    rng = np.random.RandomState(0)
    x, y = rng.rand(6, 4), rng.rand(6, 4)
    assert frechet_distance(x, y).value == pytest.approx(0.166531398, abs=1e-9)
    assert frechet_distance(x, x).value == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(("n", "m", "d"), [(400, 300, 40), (90, 40, 60), (40, 200, 64), (50, 30, 80)])
def test_equals_sqrtm(agree, n, m, d):
    rng = np.random.default_rng(n)
    mixing = rng.normal(size=(d, d)) / np.sqrt(d)
    x, y = rng.normal(size=(n, d)) @ mixing, rng.normal(0.1, 1.2, size=(m, d)) @ mixing
    inputs = "correlated normal features, 30 to 400 rows of 40 to 80, of full and of lower rank"
    about = {"reference": "scipy", "function": "linalg.sqrtm", "inputs": inputs}
    agree("fd", frechet_distance(x, y).value, by_sqrtm(x, y), **about, bound=1e-6, relative=True)


@pytest.fixture
def skewed():
    rng = np.random.default_rng(5)
    return rng.normal(size=(500, 64)), rng.gamma(2.0, size=(400, 64))


SKEWED = {"inputs": "500 normal and 400 gamma rows of 64", "relative": True}


def test_equals_torchmetrics(agree, skewed):
    from torchmetrics.image.fid import _compute_fid

    moments = [torch.from_numpy(a) for v in skewed for a in (v.mean(0), np.cov(v, rowvar=False))]
    about = {"reference": "torchmetrics", "function": "image.fid._compute_fid", "bound": 1e-8}
    agree("fd", frechet_distance(*skewed).value, float(_compute_fid(*moments)), **about, **SKEWED)


def test_equals_torch_fidelity(agree, skewed):
    from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric

    statistics = [fid_features_to_statistics(torch.from_numpy(v)) for v in skewed]
    theirs = fid_statistics_to_metric(*statistics, verbose=False)["frechet_inception_distance"]
    about = {"reference": "torch-fidelity", "function": "fid_statistics_to_metric", "bound": 1e-6}
    agree("fd", frechet_distance(*skewed).value, theirs, **about, **SKEWED)


def test_equals_clean_fid_and_monai(agree, skewed, monkeypatch):
    """Both call `sqrtm(disp=False)`, which SciPy 1.18 no longer takes: it is given back for this test."""
    from cleanfid import fid
    from monai.metrics import fid as monai_fid

    def with_disp(a, disp=True, **_):
        return sqrtm(a) if disp else (sqrtm(a), 0.0)

    monkeypatch.setattr(fid.linalg, "sqrtm", with_disp)
    moments = [a for v in skewed for a in (v.mean(0), np.cov(v, rowvar=False))]
    ours = frechet_distance(*skewed).value
    about = {"reference": "clean-fid", "function": "frechet_distance (sqrtm with its old `disp`)", "bound": 1e-6}
    agree("fd", ours, fid.frechet_distance(*moments), **about, **SKEWED)
    theirs = monai_fid.get_fid_score(*(torch.from_numpy(v) for v in skewed))
    agree("fd", ours, float(theirs), reference="monai", function="get_fid_score", bound=1e-6, **SKEWED)


@pytest.mark.parametrize(("n", "m"), [(30, 20), (50, 64)])
def test_both_routes_agree_when_rank_deficient(n, m):
    rng = np.random.default_rng(n)
    x, y = rng.normal(size=(n, 64)), rng.normal(0.3, 1, size=(m, 64))
    moments = frechet_from_moments(x.mean(0), np.cov(x, rowvar=False), y.mean(0), np.cov(y, rowvar=False))
    result = frechet_distance(x, y)
    assert result.value == pytest.approx(moments, rel=1e-6)
    assert result.rank_deficient
    assert (result.n_real, result.n_synthetic, result.d) == (n, m, 64)


def test_closed_form_of_commuting_gaussians():
    mean, other = np.array([1.0, 2.0, 0.0]), np.array([0.0, 2.0, 1.0])
    var, wide = np.array([1.0, 4.0, 9.0]), np.array([4.0, 4.0, 1.0])
    expected = 2 + ((np.sqrt(var) - np.sqrt(wide)) ** 2).sum()
    assert frechet_from_moments(mean, np.diag(var), other, np.diag(wide)) == pytest.approx(expected)


@given(st.integers(0, 1000), st.integers(2, 40), st.integers(2, 40), st.integers(1, 20))
@settings(max_examples=60)
def test_symmetric_never_negative_and_blind_to_order(seed, n, m, d):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(n, d)), rng.normal(size=(m, d))
    there, back = frechet_distance(x, y).value, frechet_distance(y, x).value
    assert there >= 0
    assert there == pytest.approx(back, abs=1e-6)
    assert frechet_distance(rng.permutation(x), y).value == pytest.approx(there, abs=1e-6)
    assert frechet_distance(x, x).value == pytest.approx(0, abs=1e-6)
    assert frechet_distance(x + 3, x).value == pytest.approx(9 * d, abs=1e-5)


def test_rank_is_said():
    rng = np.random.default_rng(0)
    assert not frechet_distance(rng.normal(size=(9, 4)), rng.normal(size=(5, 4))).rank_deficient
    assert frechet_distance(rng.normal(size=(9, 4)), rng.normal(size=(4, 4))).rank_deficient


@pytest.mark.parametrize(
    ("real", "synthetic", "message"),
    [
        (np.ones((1, 3)), np.ones((4, 3)), "at least 2 rows of real"),
        (np.ones((4, 3)), np.full((4, 3), np.nan), "synthetic features are not finite"),
        (np.ones((4, 3)), np.ones((4, 2)), "one width"),
        (np.ones(4), np.ones((4, 2)), "2-D"),
        (np.full((4, 2), "a"), np.ones((4, 2)), "numbers"),
    ],
)
def test_refuses(real, synthetic, message):
    with pytest.raises(DataError, match=message):
        frechet_distance(real, synthetic)


def test_floor_is_small_positive_and_falls_with_n():
    rng = np.random.default_rng(3)
    real = rng.normal(size=(1000, 8))

    def distance(a, b):
        return frechet_distance(a, b).value

    small, large = (real_floor(real, n, distance, rng=np.random.default_rng(0)) for n in (30, 2000))
    assert 0 < large.value < small.value < 3
    assert (small.n_reference, small.n_held_out, large.n_held_out) == (970, 30, 500)
    assert real_floor(real, 30, distance, rng=np.random.default_rng(0)) == small
    # The same images on both sides lie below the floor, other images above it.
    assert distance(real, real[:30]) < small.value
    assert distance(real, rng.normal(0.5, 1, size=(30, 8))) > small.value
