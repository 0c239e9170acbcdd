"""Kernel distance against scikit-learn, clean-fid, torch-fidelity, torchmetrics and published values."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.errors import DataError
from metrics import kernel
from metrics.kernel import kernel_distance, kernel_distance_subsets, subset_indices


def by_definition(x, y):
    from sklearn.metrics.pairwise import polynomial_kernel

    n, m = len(x), len(y)
    xx, yy, xy = (polynomial_kernel(a, b, degree=3, coef0=1) for a, b in ((x, x), (y, y), (x, y)))
    within = (xx.sum() - np.trace(xx)) / (n * (n - 1)) + (yy.sum() - np.trace(yy)) / (m * (m - 1))
    return within - 2 * xy.mean()


def sets(n=70, m=50, d=12, shift=0.2, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)), rng.normal(shift, 1, size=(m, d))


def test_published_values():
    rng = np.random.RandomState(0)
    x, y = rng.rand(6, 4), rng.rand(6, 4)
    assert kernel_distance(x, y).value == pytest.approx(-0.0208753827, abs=1e-10)
    assert kernel_distance(x, x).value == pytest.approx(-0.1681336926, abs=1e-10)


@pytest.mark.parametrize("block", [16, 1024])
def test_equals_the_definition_whatever_the_block(agree, monkeypatch, block):
    monkeypatch.setattr(kernel, "BLOCK", block)
    x, y = sets()
    result = kernel_distance(x, y)
    about = {"reference": "scikit-learn", "function": "polynomial_kernel", "inputs": "70 and 50 normal rows of 12"}
    agree("kd", result.value, by_definition(x, y), **about, bound=1e-11)
    assert (result.n_real, result.n_synthetic, result.d) == (70, 50, 12)
    assert kernel_distance(y, x).value == pytest.approx(result.value, abs=1e-12)


SUBSETS = "300 and 200 normal rows of 12, the same 7 subsets of 60"
WHOLE = "two sets of 150 normal rows of 12, one subset of all"


def test_subsets_equal_clean_fid(agree, monkeypatch):
    from cleanfid import fid

    x, y = sets(300, 200)
    subsets = list(subset_indices(300, 200, rng=np.random.default_rng(4), n_subsets=7, subset_size=60))
    # clean-fid draws from its second argument first; feed it our own draws.
    draws = iter([index for of_x, of_y in subsets for index in (of_y, of_x)])
    monkeypatch.setattr(np.random, "choice", lambda *_, **__: next(draws))
    theirs = fid.kernel_distance(x, y, num_subsets=7, max_subset_size=60)
    about = {"reference": "clean-fid", "function": "kernel_distance", "inputs": SUBSETS, "bound": 1e-9}
    agree("kd", kernel_distance_subsets(x, y, subsets).value, theirs, **about)


def by_torch_fidelity(x, y, **options):
    from torch_fidelity.metric_kid import kid_features_to_metric

    tensors = torch.from_numpy(x), torch.from_numpy(y)
    found = kid_features_to_metric(*tensors, rng_seed=4, verbose=False, kid_kernel="poly", **options)
    return found["kernel_inception_distance_mean"]


def test_subsets_equal_torch_fidelity(agree):
    x, y = sets(300, 200)
    rng = np.random.RandomState(4)
    subsets = [(rng.choice(300, 60, replace=False), rng.choice(200, 60, replace=False)) for _ in range(7)]
    theirs = by_torch_fidelity(x, y, kid_subsets=7, kid_subset_size=60)
    about = {"reference": "torch-fidelity", "function": "kid_features_to_metric", "inputs": SUBSETS, "bound": 1e-9}
    agree("kd", kernel_distance_subsets(x, y, subsets).value, theirs, **about)


def test_the_full_statistic_is_one_subset_of_all(agree):
    from cleanfid import fid
    from torchmetrics.image.kid import poly_mmd

    x, y = sets(150, 150)
    ours = kernel_distance(x, y).value
    about = {"inputs": WHOLE, "bound": 1e-9}
    theirs = fid.kernel_distance(x, y, num_subsets=1, max_subset_size=150)
    agree("kd", ours, theirs, reference="clean-fid", function="kernel_distance", **about)
    theirs = by_torch_fidelity(x, y, kid_subsets=1, kid_subset_size=150)
    agree("kd", ours, theirs, reference="torch-fidelity", function="kid_features_to_metric", **about)
    theirs = float(poly_mmd(torch.from_numpy(x), torch.from_numpy(y)))
    agree("kd", ours, theirs, reference="torchmetrics", function="image.kid.poly_mmd", **about)


@given(st.integers(0, 1000), st.integers(2, 30), st.integers(2, 30), st.integers(1, 9))
@settings(max_examples=40)
def test_symmetric_and_blind_to_order(seed, n, m, d):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(n, d)), rng.normal(size=(m, d))
    here = kernel_distance(x, y).value
    assert kernel_distance(y, x).value == pytest.approx(here, rel=1e-9, abs=1e-9)
    assert kernel_distance(rng.permutation(x), rng.permutation(y)).value == pytest.approx(here, rel=1e-9, abs=1e-9)


def test_subsets_are_seeded_and_bounded_by_the_smaller_set():
    first, second = (list(subset_indices(2000, 300, rng=np.random.default_rng(0), n_subsets=2)) for _ in range(2))
    assert np.array_equal(np.array(first), np.array(second))
    assert all(len(set(index.tolist())) == 300 for pair in first for index in pair)


def test_refuses():
    x, y = sets()
    with pytest.raises(DataError, match="at least 2 rows"):
        kernel_distance(x[:1], y)
