"""Surface distances against published toys, MONAI, and brute force."""

import numpy as np
import pytest
import torch
from monai.metrics import compute_hausdorff_distance
from scipy import ndimage
from scipy.spatial.distance import cdist

from bench.errors import DataError
from metrics.surface import hausdorff

SQUARE = np.zeros((32, 32), dtype=bool)
SQUARE[2:10, 2:10] = True
SHIFTED = np.roll(SQUARE, 2, axis=1)
WITH_SPECK = SQUARE.copy()
WITH_SPECK[20:22, 20:22] = True


def blobs(seed, size=48):
    return ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=(size, size)), 3) > 0.05


def test_published_toys():
    for definition in ("max", "concatenated"):
        assert hausdorff(SQUARE, SHIFTED, definition=definition).value == 2
        assert hausdorff(SQUARE, SQUARE, definition=definition).value == 0
    assert hausdorff(SQUARE, SHIFTED, percentile=100).value == 2
    assert hausdorff(SQUARE, WITH_SPECK).value == pytest.approx(16.278821, abs=1e-6)
    assert hausdorff(SQUARE, WITH_SPECK, definition="concatenated").value == pytest.approx(15.592473, abs=1e-6)
    assert hausdorff(SQUARE, WITH_SPECK, percentile=100).value == pytest.approx(16.970563, abs=1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_equals_monai_and_brute_force(seed):
    true, pred = blobs(seed), blobs(seed + 100)
    tensors = [torch.from_numpy(mask[None, None].astype(np.float32)) for mask in (pred, true)]
    theirs = float(compute_hausdorff_distance(*tensors, include_background=True, percentile=95))
    assert hausdorff(true, pred).value == pytest.approx(theirs, abs=1e-5)
    a, b = (np.argwhere(mask & ~ndimage.binary_erosion(mask)) for mask in (true, pred))
    both = cdist(a, b)
    pooled = np.percentile(np.concatenate([both.min(axis=1), both.min(axis=0)]), 95)
    assert hausdorff(true, pred, definition="concatenated").value == pytest.approx(pooled)
    assert hausdorff(pred, true).value == hausdorff(true, pred).value


def test_empty_masks():
    nothing = np.zeros_like(SQUARE)
    both = hausdorff(nothing, nothing)
    assert np.isnan(both.value)
    assert both.both_empty
    for pair in ((SQUARE, nothing), (nothing, SQUARE)):
        one = hausdorff(*pair)
        assert one.value == pytest.approx(np.hypot(32, 32))
        assert one.one_empty


def test_refuses():
    with pytest.raises(DataError, match="bool masks"):
        hausdorff(SQUARE.astype(int), SQUARE)
    with pytest.raises(DataError, match="bool masks"):
        hausdorff(SQUARE, SQUARE[:5])
