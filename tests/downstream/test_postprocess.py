"""Post-processing: the plain twin, true maps, types by majority, degenerate maps."""

import numpy as np
import pytest
from scipy import ndimage

from downstream.postprocess import decode_hovernet, foreground, instance_info, majority, scale
from downstream.targets import make_targets
from metrics.instances import score_instances
from tests.reference import hovernet as twin
from tests.toy import tile
from tests.toy_maps import touching


def discs(seed: int, size: int = 160, step: int = 26, radius: float = 9.0) -> np.ndarray:
    """Well separated discs on a jittered grid."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:size, :size]
    instances = np.zeros((size, size), np.int32)
    centres = np.arange(step // 2, size - step // 2 + 1, step)
    for number, (y, x) in enumerate(((y, x) for y in centres for x in centres), start=1):
        dy, dx, r = *rng.uniform(-3, 3, 2), rng.uniform(0.7, 1.0) * radius
        instances[(rows - y - dy) ** 2 + (columns - x - dx) ** 2 <= r**2] = number
    return instances


def maps_of(instances: np.ndarray, mpp: float = 0.25) -> tuple[np.ndarray, np.ndarray]:
    targets = make_targets(instances, (instances > 0).astype(np.uint8), instances.shape[0], mpp)
    return targets.nucleus.astype(np.float32), targets.hv


def same_instances(a: np.ndarray, b: np.ndarray) -> bool:
    pairs = np.unique(np.stack([a.ravel(), b.ravel()]), axis=1)
    return len(np.unique(pairs[0])) == len(np.unique(pairs[1])) == pairs.shape[1] and bool(((a > 0) == (b > 0)).all())


@pytest.mark.parametrize("mpp", [0.25, 0.5])
@pytest.mark.parametrize("noise", [0.0, 0.1, 0.3])
def test_finds_the_instances_of_the_published_procedure(mpp: float, noise: float) -> None:
    for seed in range(4):
        rng = np.random.default_rng(seed)
        _, instances, _ = tile(seed, 128, density=0.008)
        probability, hv = maps_of(instances, mpp)
        probability = ndimage.gaussian_filter(probability + rng.normal(0, 2 * noise, probability.shape), 1)
        hv = (hv + rng.normal(0, noise, hv.shape)).astype(np.float32)
        expected = twin.decode(probability.astype(np.float32), hv, *scale(mpp))
        found = decode_hovernet(probability, hv, mpp=mpp)
        assert found.dtype == np.int32
        assert same_instances(found, expected)
        assert list(np.unique(found[found > 0])) == list(range(1, found.max() + 1))
        if noise < 0.3:
            assert found.max() > 10


@pytest.mark.parametrize("mpp", [0.25, 0.5])
def test_true_maps_give_back_well_separated_nuclei(mpp: float) -> None:
    matched = total = 0
    for seed in range(4):
        true = discs(seed)
        scores = score_instances(true, decode_hovernet(*maps_of(true, mpp), mpp=mpp))
        matched, total = matched + scores.tp, total + scores.n_true
    assert total > 100
    assert matched > 0.95 * total


def test_true_maps_separate_touching_nuclei() -> None:
    true = touching()
    assert score_instances(true, decode_hovernet(*maps_of(true))).tp == 2


@pytest.mark.parametrize("value", [0.0, 0.49, 1.0])
def test_maps_without_structure(value: float) -> None:
    found = decode_hovernet(np.full((40, 50), value), np.zeros((40, 50, 2)))
    assert found.shape == (40, 50)
    assert set(np.unique(found)) <= {0, 1}
    assert (found > 0).any() <= (value >= 0.5)


def test_foreground_drops_specks_by_resolution() -> None:
    probability = np.zeros((20, 20))
    probability[2:4, 2:4] = 0.9  # 4 px
    probability[10:14, 10:14] = 0.5  # 16 px, exactly at the threshold
    assert foreground(probability, mpp=0.25).sum() == 16
    assert foreground(probability, mpp=0.5).sum() == 20


def test_sizes_scale_with_the_resolution() -> None:
    assert scale(0.25) == (21, 5, 10)
    assert scale(0.5) == (11, 3, 3)
    assert scale(0.05).kernel == 31  # the largest that OpenCV takes


def test_type_is_the_majority_and_background_only_alone() -> None:
    votes = np.array([[5, 3, 1], [0, 2, 2], [4, 0, 0], [2, 2, 0], [1, 0, 3]])
    assert majority(votes).tolist() == [1, 1, 0, 1, 2]


def test_instance_information_agrees_with_a_loop() -> None:
    rng = np.random.default_rng(0)
    _, instances, _ = tile(3, 128, density=0.01)
    instances = np.unique(instances, return_inverse=True)[1].reshape(instances.shape).astype(np.int32)
    types = rng.integers(0, 5, instances.shape).astype(np.uint8)
    info = instance_info(instances, types, 4)
    assert len(info.types) == instances.max() > 20
    for row in range(instances.max()):
        mask = instances == row + 1
        ys, xs = np.nonzero(mask)
        assert info.areas[row] == mask.sum()
        assert info.boxes[row].tolist() == [ys.min(), xs.min(), ys.max() + 1, xs.max() + 1]
        np.testing.assert_allclose(info.centroids[row], [xs.mean(), ys.mean()])
        assert info.types[row] == twin.type_of(types[mask])
        assert info.type_share[row] == pytest.approx((types[mask] == info.types[row]).mean())


def test_instance_information_of_nothing() -> None:
    info = instance_info(np.zeros((8, 8), np.int32), np.zeros((8, 8), np.uint8), 4)
    assert [len(values) for values in info] == [0] * 5
    assert info.boxes.shape == (0, 4)
