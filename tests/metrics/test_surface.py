"""Surface distances against published toys, MONAI, MedPy, DeepMind's surface-distance, and brute force."""

import numpy as np
import pytest
import torch
from scipy import ndimage
from scipy.spatial.distance import cdist

from bench.errors import DataError
from metrics.surface import hausdorff, hausdorff_by_definition
from tests.precision.plugin import reference

SQUARE = np.zeros((32, 32), dtype=bool)
SQUARE[2:10, 2:10] = True
SHIFTED = np.roll(SQUARE, 2, axis=1)
WITH_SPECK = SQUARE.copy()
WITH_SPECK[20:22, 20:22] = True
BLOBS = "smooth random blobs, 48 px"


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
def test_equals_monai_and_brute_force(agree, seed):
    from monai.metrics import compute_hausdorff_distance

    true, pred = blobs(seed), blobs(seed + 100)
    tensors = [torch.from_numpy(mask[None, None].astype(np.float32)) for mask in (pred, true)]
    theirs = float(compute_hausdorff_distance(*tensors, include_background=True, percentile=95))
    about = {"reference": "monai", "function": "compute_hausdorff_distance", "inputs": BLOBS, "bound": 1e-5}
    agree("hd95/image", hausdorff(true, pred).value, theirs, **about)
    a, b = (np.argwhere(mask & ~ndimage.binary_erosion(mask)) for mask in (true, pred))
    both = cdist(a, b)
    pooled = np.percentile(np.concatenate([both.min(axis=1), both.min(axis=0)]), 95)
    ours = hausdorff(true, pred, definition="concatenated").value
    agree("hd95_concatenated/image", ours, pooled, reference="scipy", function="cdist", inputs=BLOBS, bound=1e-9)
    assert hausdorff(pred, true).value == hausdorff(true, pred).value


@pytest.mark.parametrize("seed", range(4))
def test_concatenated_equals_medpy(agree, seed):
    true, pred = blobs(seed), blobs(seed + 100)
    theirs = reference("medpy.metric.binary").hd95(pred, true)
    ours = hausdorff(true, pred, definition="concatenated").value
    agree("hd95_concatenated/image", ours, theirs, reference="medpy", function="hd95", inputs=BLOBS, bound=1e-9)


@pytest.mark.filterwarnings("ignore:Please import:DeprecationWarning")
@pytest.mark.parametrize("seed", range(4))
def test_within_a_pixel_of_surface_distance(agree, seed):
    """It puts surfaces between pixels and weighs them by length: another definition, which must lie near."""
    from surface_distance import compute_robust_hausdorff, compute_surface_distances

    true, pred = blobs(seed), blobs(seed + 100)
    theirs = compute_robust_hausdorff(compute_surface_distances(true, pred, (1, 1)), 95)
    about = {"reference": "surface-distance", "function": "compute_robust_hausdorff", "bound": 1.0}
    agree(
        "hd95/image", hausdorff(true, pred).value, theirs, inputs=f"{BLOBS}; surfaces lie between pixels there", **about
    )


@pytest.mark.parametrize("turn", [np.transpose, np.flipud, np.fliplr, np.rot90])
def test_blind_to_flips_and_turns(turn):
    for definition in ("max", "concatenated"):
        here = hausdorff(blobs(0), blobs(1), definition=definition).value
        assert hausdorff(turn(blobs(0)), turn(blobs(1)), definition=definition).value == pytest.approx(here)


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


def test_both_definitions_at_once():
    rng = np.random.default_rng(7)
    masks = [rng.random((40, 40)) > 0.9 for _ in range(2)]
    nothing = np.zeros((40, 40), bool)
    for pair in (masks, [masks[0], nothing], [nothing, nothing]):
        found = hausdorff_by_definition(*pair)
        for definition, distance in found.items():
            np.testing.assert_equal(vars(distance), vars(hausdorff(*pair, definition=definition)))
    found = hausdorff_by_definition(*masks)
    assert found["max"].value >= found["concatenated"].value > 0
