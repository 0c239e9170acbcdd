"""Instance metrics and instance information of a map of 1000 px with 700 nuclei."""

import numpy as np
import pytest
import torch
from monai.metrics import compute_panoptic_quality
from torchmetrics.functional.detection import panoptic_quality

from downstream.postprocess import instance_info
from metrics.instances import score_instances
from tests.benchmarks.race import OURS
from tests.precision.plugin import reference
from tests.reference import hovernet, hovernet_metrics
from tests.toy_maps import contiguous, pair, type_map, typed

SCORES, INFO = "PQ + AJI + F1, 1000 px, 700 nuclei", "instance information, 1000 px, 700 nuclei"


@pytest.fixture(scope="module")
def maps():
    """Radii of 8 to 15 px: nuclei at 40x; a quarter of the map is nuclei."""
    return tuple(contiguous(a) for a in pair(0, 1000, 700, radii=(0.2, 0.4)))


@pytest.fixture(scope="module")
def scores(maps):
    return score_instances(*maps)


def test_ours(clock, maps):
    clock(SCORES, OURS, lambda: score_instances(*maps), rounds=30, at_most=0.006)


def test_hovernets_steps(clock, maps, scores):
    def run():
        # F1 is its DQ.
        return hovernet_metrics.pq(*maps), hovernet_metrics.aji(*maps)

    (dq, sq, pq), aji = clock(
        SCORES, "HoVer-Net's steps: PQ, AJI", run, rounds=2, ratio=100, ours=lambda: score_instances(*maps)
    )
    assert (scores.dq, scores.sq, scores.pq, scores.aji) == pytest.approx((dq, sq, pq, aji), abs=1e-6)


def test_stardist(clock, maps, scores):
    matching = reference("stardist.matching").matching
    found = clock(
        SCORES,
        "stardist matching: PQ, F1",
        lambda: matching(*maps, thresh=0.5 + 1e-6),
        ours=lambda: score_instances(*maps),
    )
    assert scores.pq == pytest.approx(found.panoptic_quality, abs=1e-6)


def test_monai(clock, maps, scores):
    true, pred = (torch.from_numpy(a) for a in maps)
    found = clock(
        SCORES, "MONAI: PQ", lambda: compute_panoptic_quality(pred, true), rounds=1, ours=lambda: score_instances(*maps)
    )
    assert scores.pq == pytest.approx(float(found), abs=1e-6)


def test_torchmetrics(clock, maps, scores):
    true, pred = (torch.from_numpy(np.stack([a > 0, a], -1)[None].astype(np.int64)) for a in maps)

    def run():
        return panoptic_quality(pred, true, things={1}, stuffs={0}, return_per_class=True)

    found = clock(SCORES, "torchmetrics: PQ", run, rounds=1, ours=lambda: score_instances(*maps))
    assert scores.pq == pytest.approx(float(found[0, 0]), abs=1e-6)


@pytest.fixture(scope="module")
def types(maps):
    rng = np.random.default_rng(1)
    painted = type_map(maps[0], typed(rng, maps[0], 4))
    return np.where(rng.random(painted.shape) < 0.2, rng.integers(0, 5, painted.shape), painted).astype(np.uint8)


def test_our_information(clock, maps, types):
    instances = maps[0]
    clock(INFO, OURS, lambda: instance_info(instances, types, 4), rounds=20, at_most=0.016)


def test_information_by_masks(clock, maps, types):
    instances = maps[0]

    def masks():
        return hovernet.instance_info(instances, types)

    def ours():
        return instance_info(instances, types, 4)

    found, fast = clock(INFO, "a mask of the map a nucleus", masks, rounds=2, ours=ours), ours()
    assert fast.areas.tolist() == [area for area, *_ in found]
    assert fast.centroids == pytest.approx(np.array([centroid for _, _, centroid, _ in found]))
    assert fast.types.tolist() == [kind for *_, kind in found]
