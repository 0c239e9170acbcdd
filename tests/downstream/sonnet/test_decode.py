"""Post-processing: the plain twin, true maps, the rule of the second choice, degenerate maps."""

import pickle
import subprocess
import sys

import numpy as np
import pytest
from scipy import ndimage

from bench.datasets.phantom.config import PhantomConfig
from bench.datasets.phantom.draw import draw_tile
from downstream.sonnet.decode import SonnetDecoder, chosen, core_types, separate
from downstream.sonnet.targets import make_targets
from metrics.instances import score_instances
from tests.downstream.test_postprocess import discs, same_instances
from tests.reference import sonnet as twin
from tests.toy import tile
from tests.toy_maps import touching


def stack(instances: np.ndarray, types: np.ndarray, mpp: float = 0.25, n_types: int = 4) -> np.ndarray:
    """True maps as the network would give them."""
    targets = make_targets(instances, types, instances.shape[0], mpp)
    logits = np.eye(n_types + 1)[targets.types]
    return np.dstack([targets.nucleus, targets.ordinal, logits]).astype(np.float32)


@pytest.mark.parametrize(("mpp", "least", "growth"), [(0.25, 10, 1), (0.5, 3, 1), (1.0, 1, 0)])
@pytest.mark.parametrize("noise", [0.0, 0.5, 2.0])
def test_finds_the_instances_of_the_published_procedure(mpp: float, least: int, growth: int, noise: float) -> None:
    for seed in range(3):
        rng = np.random.default_rng(seed)
        instances = tile(seed, 128, density=0.008)[1]
        maps = stack(instances, (instances > 0).astype(np.uint8), mpp)
        probability = ndimage.gaussian_filter(maps[..., 0] + noise / 2 * rng.normal(size=instances.shape), 1)
        ordinal = np.clip(np.rint(maps[..., 1] + noise * rng.normal(size=instances.shape)), 0, 8).astype(np.float32)
        maps[..., 0], maps[..., 1] = probability, ordinal
        expected = twin.decode(maps[..., 0], ordinal, least, growth)
        found = SonnetDecoder(mpp)(maps)
        assert found.instances is not None
        assert same_instances(found.instances, expected)
        assert list(np.unique(found.instances[found.instances > 0])) == list(range(1, found.instances.max() + 1))
        assert found.instances.max() > 10


@pytest.mark.parametrize("mpp", [0.25, 0.5])
def test_true_maps_give_back_well_separated_nuclei(mpp: float) -> None:
    matched = total = right = 0
    for seed in range(4):
        true = discs(seed)
        of_nucleus = np.random.default_rng(seed).integers(1, 5, true.max() + 1)
        of_nucleus[0] = 0
        found = SonnetDecoder(mpp)(stack(true, of_nucleus[true].astype(np.uint8), mpp))
        assert found.instances is not None
        assert found.types is not None
        scores = score_instances(true, found.instances)
        matched, total = matched + scores.tp, total + scores.n_true
        for number, kind in enumerate(found.types, start=1):
            right += kind == np.bincount(of_nucleus[true[found.instances == number]]).argmax()
    assert total > 100
    assert matched > 0.95 * total
    assert right == matched


def test_true_maps_give_back_the_separate_nuclei_of_the_phantom() -> None:
    matched = total = 0
    for seed in range(6):
        true = draw_tile(seed, f"slide-{seed}", 256, config=PhantomConfig()).instances
        found = SonnetDecoder(0.25)(stack(true, (true > 0).astype(np.uint8))).instances
        assert found is not None
        for number, (rows, columns) in enumerate(ndimage.find_objects(true), start=1):
            box = np.s_[max(rows.start - 3, 0) : rows.stop + 3, max(columns.start - 3, 0) : columns.stop + 3]
            mask = true[box] == number
            near = ndimage.binary_dilation(mask, iterations=2)
            if (true[box][near & ~mask] > 0).any() or mask.sum() < 30:
                continue
            best = np.bincount(found[box][mask]).argmax()
            union = (mask | (found[box] == best)).sum() if best else np.inf
            matched, total = matched + ((mask & (found[box] == best)).sum() > union / 2), total + 1
    assert total > 100
    assert matched > 0.95 * total


def test_true_maps_separate_touching_nuclei() -> None:
    true = touching()
    found = SonnetDecoder(0.25)(stack(true, (true > 0).astype(np.uint8))).instances
    assert score_instances(true, found).tp == 2


@pytest.mark.parametrize("value", [0.0, 8.0])
def test_maps_without_structure(value: float) -> None:
    everywhere = np.ones((40, 50), bool)
    found = separate(everywhere, np.full((40, 50), value, np.float32))
    assert (found == (1 if value else 0)).all()
    assert not separate(~everywhere, np.full((40, 50), value, np.float32)).any()


def test_second_choice_needs_more_than_half_of_the_votes_of_the_background() -> None:
    votes = np.array([[5, 3, 1], [4, 2, 1], [0, 2, 2], [7, 0, 0], [0, 0, 0], [1, 0, 3], [2, 2, 0]])
    assert chosen(votes).tolist() == [1, 0, 1, 0, 0, 2, 1]


def test_types_are_those_of_the_core() -> None:
    rng = np.random.default_rng(0)
    instances = np.unique(tile(3, 96, density=0.01)[1], return_inverse=True)[1].reshape(96, 96).astype(np.int32)
    ordinal = rng.integers(0, 9, instances.shape).astype(np.float32)
    types = rng.integers(0, 3, instances.shape).astype(np.uint8)
    ordinal[instances == 1] = 4  # a nucleus without a core
    found = core_types(instances, ordinal >= 5, types, 2)
    expected = [twin.type_of(types[(instances == number) & (ordinal >= 5)]) for number in range(1, instances.max() + 1)]
    assert found.tolist() == expected
    assert found[0] == 0
    assert set(expected) == {0, 1, 2}


def test_works_in_another_process_without_torch() -> None:
    decoder = SonnetDecoder(0.5, core=4)
    assert pickle.loads(pickle.dumps(decoder)) == decoder
    code = "import sys, downstream.sonnet, downstream.sonnet.decode; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
