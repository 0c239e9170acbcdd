"""Distances and manifold scores of feature sets at the sizes of papers."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from cleanfid import fid
from prdc import compute_prdc
from scipy.linalg import sqrtm
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
from torch_fidelity.metric_kid import kid_features_to_metric
from torchmetrics.image.fid import _compute_fid

from metrics.frechet import frechet_distance
from metrics.kernel import kernel_distance
from metrics.manifold import manifold_scores
from tests.benchmarks.race import OURS

FD, KD = "FD, two sets of 5000 x 2048", "KD, two sets of 3000 x 1024"
# Random subsets scatter by a tenth around the full statistic here; with equal subsets see tests/metrics/test_kernel.py.
SUBSETS_SPREAD = 0.4
PRDC, PRDC_SMALL = "PRDC, two sets of 10000 x 1024", "PRDC, two sets of 3000 x 1024"


def sets(n, d):
    """Two sets of 32-bit features, as encoders give them, with a decaying spectrum."""
    rng = np.random.default_rng(0)
    scale = 1 / np.sqrt(np.arange(1, d + 1))
    mixing = np.linalg.qr(rng.normal(size=(d, d)))[0]
    real, synthetic = rng.normal(size=(n, d)) * scale, rng.normal(0.05, 1.1, size=(n, d)) * scale
    return (real @ mixing).astype(np.float32), (synthetic @ mixing).astype(np.float32)


@pytest.fixture(scope="module")
def wide():
    return sets(5000, 2048)


@pytest.fixture(scope="module")
def fd(wide):
    return frechet_distance(*wide).value


def moments(features):
    features = features.astype(np.float64)
    return features.mean(axis=0), np.cov(features, rowvar=False)


def test_our_fd(clock, wide):
    clock(FD, OURS, lambda: frechet_distance(*wide), rounds=3, at_most=1.6)


def test_fd_by_sqrtm(clock, wide, fd):
    def run():
        (m1, s1), (m2, s2) = (moments(features) for features in wide)
        return ((m1 - m2) ** 2).sum() + np.trace(s1) + np.trace(s2) - 2 * np.trace(sqrtm(s1 @ s2)).real

    assert clock(
        FD, "scipy sqrtm (clean-fid, MONAI)", run, rounds=1, ratio=5, ours=lambda: frechet_distance(*wide)
    ) == pytest.approx(fd, rel=1e-6)


def test_fd_by_torch_fidelity(clock, wide, fd):
    def run():
        statistics = [fid_features_to_statistics(torch.from_numpy(v.astype(np.float64))) for v in wide]
        return fid_statistics_to_metric(*statistics, verbose=False)["frechet_inception_distance"]

    assert clock(FD, "torch-fidelity", run, rounds=1, ours=lambda: frechet_distance(*wide)) == pytest.approx(
        fd, rel=1e-6
    )


def test_fd_by_torchmetrics(clock, wide, fd):
    def run():
        return float(_compute_fid(*(torch.from_numpy(a) for v in wide for a in moments(v))))

    assert clock(FD, "torchmetrics", run, rounds=1, ours=lambda: frechet_distance(*wide)) == pytest.approx(fd, rel=1e-6)


@pytest.fixture(scope="module")
def pair():
    return sets(3000, 1024)


def test_our_kd(clock, pair):
    clock(KD, OURS, lambda: kernel_distance(*pair), rounds=3, at_most=0.6)


def test_kd_by_clean_fid(clock, pair):
    theirs = clock(
        KD,
        "clean-fid: 100 subsets of 1000",
        lambda: fid.kernel_distance(*pair),
        rounds=1,
        ours=lambda: kernel_distance(*pair),
    )
    assert theirs == pytest.approx(kernel_distance(*pair).value, rel=SUBSETS_SPREAD)


def test_kd_by_torch_fidelity(clock, pair):
    tensors = [torch.from_numpy(v) for v in pair]

    def run():
        return kid_features_to_metric(*tensors, kid_subsets=100, kid_subset_size=1000, rng_seed=0, verbose=False)

    found = clock(KD, "torch-fidelity: 100 subsets of 1000", run, rounds=1, ours=lambda: kernel_distance(*pair))
    assert found["kernel_inception_distance_mean"] == pytest.approx(kernel_distance(*pair).value, rel=SUBSETS_SPREAD)


def test_our_prdc(clock):
    large = sets(10000, 1024)
    clock(PRDC, OURS, lambda: manifold_scores(*large), rounds=2, at_most=4.0)


def test_our_smaller_prdc(clock, pair):
    clock(PRDC_SMALL, OURS, lambda: manifold_scores(*pair), rounds=3)


def test_smaller_prdc_by_its_authors(clock, pair, capsys):
    theirs = clock(
        PRDC_SMALL, "prdc (scikit-learn)", lambda: compute_prdc(*pair, 5), rounds=1, ours=lambda: manifold_scores(*pair)
    )
    ours = manifold_scores(*pair, k=5)
    for name, value in theirs.items():
        assert getattr(ours, name) == pytest.approx(value, abs=2e-3)


_PEAK = """
import re
from pathlib import Path
import numpy as np
from metrics.manifold import manifold_scores
rng = np.random.default_rng(0)
real, synthetic = (rng.standard_normal((10000, 1024), dtype=np.float32) for _ in range(2))
manifold_scores(real, synthetic)
print(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])
"""


def test_memory_of_prdc(note):
    """Largest resident size of a fresh process, inputs and libraries included.

    Not `resource.getrusage`, whose maximum a process inherits from the one that started it.
    """
    if sys.platform != "linux":
        pytest.skip("resident size is counted otherwise here")
    done = subprocess.run([sys.executable, "-c", _PEAK], capture_output=True, text=True, check=True)
    note("PRDC, peak memory of the whole process", int(done.stdout) / 2**20, "GiB", at_most=2.0)
