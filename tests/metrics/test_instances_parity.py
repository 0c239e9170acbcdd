"""Instance metrics on maps of hundreds of nuclei, against four packages and HoVer-Net's steps."""

import numpy as np
import pytest
import torch

from metrics.instances import InstanceScores, pool, pooled_panoptic, score_instances
from tests.precision.plugin import reference
from tests.reference import hovernet_metrics, instances
from tests.toy_maps import contiguous, pair

INPUTS = "maps of 300 px with 200 nuclei: shifted, merged, missed"
SEEDS = range(3)
TWIN, HOVERNET = "tests/reference/instances.py", "tests/reference/hovernet_metrics.py"
ABOVE_HALF = 0.5 + 1e-6


@pytest.fixture(params=SEEDS, ids=str)
def maps(request):
    return pair(request.param)


@pytest.fixture
def scores(maps) -> InstanceScores:
    return score_instances(*maps)


def as_torchmetrics(instances_, types=None):
    kind = instances_ > 0 if types is None else types
    return torch.from_numpy(np.stack([kind, instances_], -1)[None].astype(np.int64))


def test_torchmetrics(agree, maps, scores):
    from torchmetrics.functional.detection import panoptic_quality

    true, pred = (as_torchmetrics(a) for a in maps)
    values = panoptic_quality(pred, true, things={1}, stuffs={0}, return_sq_and_rq=True, return_per_class=True)
    # Classes in the order given: things first.
    for name, theirs in zip(("pq", "sq", "dq"), values[0].tolist(), strict=True):
        agree(
            f"{name}/image",
            getattr(scores, name),
            theirs,
            reference="torchmetrics",
            function="panoptic_quality",
            inputs=INPUTS,
            bound=1e-6,
        )


def test_pooled_equals_torchmetrics(agree):
    from torchmetrics.functional.detection import panoptic_quality

    pairs = [pair(seed) for seed in SEEDS]
    ours = pooled_panoptic(pool([score_instances(*both) for both in pairs]).sum(axis=0))
    true, pred = (torch.cat([as_torchmetrics(both[side]) for both in pairs]) for side in (0, 1))
    values = panoptic_quality(pred, true, things={1}, stuffs={0}, return_sq_and_rq=True, return_per_class=True)[0]
    for name, mine, theirs in zip(("dq", "sq", "pq"), ours, values[[2, 1, 0]].tolist(), strict=True):
        about = {"reference": "torchmetrics", "function": "panoptic_quality", "inputs": "three such maps in one call"}
        agree(f"{name}/pooled", mine, theirs, **about, bound=1e-6)


def test_monai(agree, maps, scores):
    from monai.metrics import compute_panoptic_quality

    true, pred = (torch.from_numpy(a) for a in maps)
    for name in ("dq", "sq", "pq"):
        theirs = compute_panoptic_quality(pred, true, metric_name="rq" if name == "dq" else name, smooth_numerator=0.0)
        agree(
            f"{name}/image",
            getattr(scores, name),
            float(theirs),
            reference="monai",
            function="compute_panoptic_quality",
            inputs=f"{INPUTS}; smooth_numerator 0",
            bound=1e-6,
        )


def test_stardist(agree, maps, scores):
    matching = reference("stardist.matching").matching
    found = matching(*maps, thresh=ABOVE_HALF)
    assert (scores.tp, scores.fp, scores.fn) == (found.tp, found.fp, found.fn)
    about = {
        "reference": "stardist",
        "function": "matching",
        "inputs": f"{INPUTS}; threshold 0.5 + 1e-6",
        "bound": 1e-6,
    }
    agree("f1/image", scores.f1, found.f1, **about)
    agree("dq/image", scores.dq, found.f1, **about)
    agree("sq/image", scores.sq, found.mean_matched_score, **about)
    agree("pq/image", scores.pq, found.panoptic_quality, **about)
    assert scores.sum_iou / scores.n_true == pytest.approx(found.mean_true_score, abs=1e-6)


def test_half_an_overlap_is_a_match_for_stardist_and_none_for_us():
    matching = reference("stardist.matching").matching
    true, pred = np.zeros((2, 16, 16), dtype=np.int32)
    true[2:10, 2:6], pred[2:10, 2:10] = 1, 1
    assert score_instances(true, pred).tp == 0
    assert (matching(true, pred, thresh=0.5).tp, matching(true, pred, thresh=ABOVE_HALF).tp) == (1, 0)


def test_hovernets_steps(agree, maps, scores):
    true, pred = (contiguous(a) for a in maps)
    dq, sq, pq = hovernet_metrics.pq(true, pred)
    values = {
        "dice": hovernet_metrics.dice_1(true, pred),
        "dice_2": hovernet_metrics.dice_2(true, pred),
        "aji": hovernet_metrics.aji(true, pred),
        "aji_plus": hovernet_metrics.aji_plus(true, pred),
        "dq": dq,
        # It adds 1e-6 to the number of matches.
        "sq": sq * (scores.tp + 1e-6) / scores.tp,
        "pq": pq * (scores.tp + 1e-6) / scores.tp,
    }
    assert scores.sq - sq == pytest.approx(1e-6 * scores.sq / scores.tp, rel=1e-3)
    for name, theirs in values.items():
        about = {"reference": HOVERNET, "function": name if name not in ("dq", "sq") else "pq", "inputs": INPUTS}
        agree(f"{name}/image", getattr(scores, name), theirs, **about, bound=1e-6)


def test_one_mask_a_nucleus(agree):
    true, pred = pair(0, 150, 60)
    scores = score_instances(true, pred)
    for name in ("aji", "dice_2"):
        about = {"reference": TWIN, "function": name, "inputs": "a map of 150 px with 60 nuclei"}
        agree(f"{name}/image", getattr(scores, name), getattr(instances, name)(true, pred), **about, bound=1e-9)


def test_foregrounds_equal_scikit_learn(agree, maps, scores):
    from sklearn.metrics import f1_score, jaccard_score

    true, pred = (a.ravel() > 0 for a in maps)
    about = {"reference": "scikit-learn", "inputs": f"foregrounds of {INPUTS}", "bound": 1e-9}
    agree("dice/image", scores.dice, f1_score(true, pred), function="f1_score", **about)
    agree("jaccard/image", scores.jaccard, jaccard_score(true, pred), function="jaccard_score", **about)
    from torchmetrics.functional.classification import binary_f1_score, binary_jaccard_index

    tensors = [torch.from_numpy(a.astype(np.int64)) for a in (pred, true)]
    about |= {"reference": "torchmetrics", "bound": 1e-6}
    agree("dice/image", scores.dice, float(binary_f1_score(*tensors)), function="binary_f1_score", **about)
    agree(
        "jaccard/image", scores.jaccard, float(binary_jaccard_index(*tensors)), function="binary_jaccard_index", **about
    )
