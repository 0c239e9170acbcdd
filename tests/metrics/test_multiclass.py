"""mPQ, bPQ and mPQ+ against the published toy, torchmetrics, and scoring one class after the other."""

import numpy as np
import pandas as pd
import pytest
import torch

from bench.errors import DataError
from metrics.instances import panoptic, pooled_pq
from metrics.multiclass import (
    class_counts,
    count_r2,
    mean_by_tissue,
    mean_count_r2,
    mpq_of_images,
    mpq_plus,
    pq_of_classes,
    pq_of_present,
)
from metrics.overlap import overlap
from tests.reference import pannuke
from tests.toy_maps import pair, type_map, typed

# Image 1: class 1 matched at IoU .6, class 2 absent but once predicted. Image 2: class 1 perfect, class 2 missed.
TOY = np.array([[[1, 0, 0, 0.6], [0, 1, 0, 0]], [[1, 0, 0, 1.0], [0, 0, 1, 0]]])


def test_published_toy():
    assert pq_of_present(TOY) == pytest.approx(np.array([[0.6, np.nan], [1, 0]]), nan_ok=True)
    assert mpq_of_images(TOY).mean() == pytest.approx(0.55)
    assert np.nanmean(pq_of_present(TOY), axis=0).mean() == pytest.approx(0.40)
    assert mpq_plus(TOY.sum(axis=0)) == pytest.approx(0.40)
    assert pq_of_present(TOY.sum(axis=1)) == pytest.approx(np.array([0.40, 2 / 3]))


@pytest.mark.parametrize("seed", range(5))
def test_class_counts_equal_maps_of_one_class(seed):
    rng = np.random.default_rng(seed)
    true = np.kron(rng.integers(0, 30, (8, 8)), np.ones((4, 4), dtype=int))
    pred = np.where(rng.random(true.shape) < 0.85, np.roll(true, seed % 2, axis=0), 0) * 2
    true_ids, pred_ids = (np.unique(ids)[np.unique(ids) > 0] for ids in (true, pred))
    true_types, pred_types = rng.integers(1, 4, len(true_ids)), rng.integers(0, 4, len(pred_ids))
    counts = class_counts(overlap(true, pred), true_types, pred_types, 3)
    for c in (1, 2, 3):
        found = panoptic(
            overlap(
                np.where(np.isin(true, true_ids[true_types == c]), true, 0),
                np.where(np.isin(pred, pred_ids[pred_types == c]), pred, 0),
            )
        )
        assert counts[c - 1] == pytest.approx([found.tp, found.fp, found.fn, found.sum_iou])
    assert counts[:, 0].sum() > 0


def test_absent_classes_are_left_out():
    counts = np.zeros((2, 3, 4))
    counts[0, 0] = [1, 0, 0, 0.8]
    assert mpq_of_images(counts)[0] == pytest.approx(0.8)
    assert np.isnan(mpq_of_images(counts)[1])
    assert mpq_plus(counts.sum(axis=0)) == pytest.approx(0.8)
    assert mpq_plus(np.stack([counts.sum(axis=0)] * 4)).shape == (4,)


def test_tissues_weigh_alike():
    found = mean_by_tissue(np.array([0.2, 0.4, 0.9, np.nan]), ["colon", "colon", "lung", "lung"])
    assert found.value == pytest.approx((0.3 + 0.9) / 2)
    assert found.n_images == {"colon": 2, "lung": 1}


THINGS = {1, 2, 3}
TYPED = "four maps of 200 px with 90 nuclei of 3 classes, one class now and then absent"


def typed_pairs(n=4):
    """Return (true, its types, prediction, its types), the prediction's types mostly right; class 3 absent from 0."""
    for seed in range(n):
        rng = np.random.default_rng(seed)
        true, pred = pair(seed, 200, 90)
        true_types = typed(rng, true, 2 if seed == 0 else 3)
        drawn = typed(rng, pred, 3)
        below = np.append(0, true_types)[np.unique(true, return_inverse=True)[1].reshape(true.shape)]
        under = [np.bincount(below[pred == i], minlength=4)[1:] for i in np.unique(pred[pred > 0])]
        kept = [u.argmax() + 1 if u.any() and rng.random() < 0.8 else d for u, d in zip(under, drawn, strict=True)]
        yield true, true_types, pred, np.array(kept)


def by_torchmetrics(pairs):
    """Return PQ by class, of all the pairs in one call."""
    from torchmetrics.functional.detection import panoptic_quality

    sides = ([(t, tt) for t, tt, _, _ in pairs], [(p, pt) for _, _, p, pt in pairs])
    true, pred = (torch.from_numpy(np.stack([np.stack([type_map(*a), a[0]], -1) for a in side])) for side in sides)
    found = panoptic_quality(pred.long(), true.long(), things=THINGS, stuffs={0}, return_per_class=True)
    return found[0, :3].numpy()


def test_equals_torchmetrics(agree):
    pairs = list(typed_pairs())
    counts = np.stack([class_counts(overlap(t, p), tt, pt, 3) for t, tt, p, pt in pairs])
    about = {"reference": "torchmetrics", "function": "panoptic_quality", "inputs": TYPED, "bound": 1e-6}
    pooled = by_torchmetrics(pairs)
    agree("pq_class/pooled", pooled_pq(counts.sum(axis=0)), pooled, **about)
    agree("mpq_plus", mpq_plus(counts.sum(axis=0)), pooled.mean(), **about)
    present = np.array([[c in tt for c in (1, 2, 3)] for _, tt, _, _ in pairs])
    assert not present.all()
    by_image = np.where(present, [by_torchmetrics([both]) for both in pairs], np.nan)
    agree("mpq/image", mpq_of_images(counts).mean(), np.nanmean(by_image, axis=1).mean(), **about)
    tissues = ["colon", "colon", "colon", "lung"]
    theirs = pd.Series(np.nanmean(by_image, axis=1)).groupby(tissues).mean().mean()
    agree("mpq/tissue", mean_by_tissue(mpq_of_images(counts), tissues).value, theirs, **about)
    agree("pq_class/image", pq_of_classes(counts), np.nanmean(by_image, axis=0), **about)


def test_binary_equals_torchmetrics(agree):
    pairs = [(t, np.ones(len(tt), int), p, np.ones(len(pt), int)) for t, tt, p, pt in typed_pairs()]
    nothing = np.zeros((200, 200), dtype=np.int32)
    pairs.append((nothing, np.zeros(0, int), pairs[0][2], pairs[0][3]))
    counts = np.stack([class_counts(overlap(t, p), tt, pt, 1) for t, tt, p, pt in pairs])
    ours = np.nanmean(pq_of_present(counts[:, 0]))
    # An image without a true nucleus does not count: torchmetrics is not asked about it.
    theirs = np.mean([by_torchmetrics([both])[0] for both in pairs[:-1]])
    inputs = "four maps of 200 px with 90 nuclei and one without, which is left out"
    about = {"reference": "torchmetrics", "function": "panoptic_quality", "inputs": inputs, "bound": 1e-6}
    agree("bpq/image", ours, theirs, **about)
    tissues = ["colon", "colon", "colon", "lung", "skin"]
    by_tissue = pd.Series([by_torchmetrics([both])[0] for both in pairs[:-1]]).groupby(tissues[:-1]).mean().mean()
    agree("bpq/tissue", mean_by_tissue(pq_of_present(counts[:, 0]), tissues).value, by_tissue, **about)


def test_r2_equals_scikit_learn(agree):
    from sklearn.metrics import r2_score

    rng = np.random.default_rng(0)
    true = rng.poisson(20, (30, 4))
    pred = true + rng.integers(-5, 6, true.shape)
    theirs = r2_score(true, pred, multioutput="raw_values")
    about = {"reference": "scikit-learn", "function": "r2_score", "inputs": "counts of 4 classes in 30 images"}
    agree("count_r2", count_r2(true, pred), theirs, **about, bound=1e-9)
    assert np.isnan(count_r2(np.ones((3, 1)), np.zeros((3, 1)))).all()
    agree("count_r2_mean", mean_count_r2(true, pred), r2_score(true, pred), **about, bound=1e-9)
    constant = np.column_stack([true, np.ones(30)]), np.column_stack([pred, np.zeros(30)])
    assert mean_count_r2(*constant) == mean_count_r2(true, pred)
    assert np.isnan(mean_count_r2(np.ones((3, 2)), np.zeros((3, 2))))


def test_averages_are_those_of_the_definitions_written_out():
    """Three tissues, one of which has no true nucleus; class 3 is absent from some truths, class 4 from all."""
    pairs = [((t, tt), (p, pt)) for t, tt, p, pt in typed_pairs(5)]
    nothing = np.zeros((200, 200), dtype=np.int32), np.zeros(0, int)
    pairs.append((nothing, pairs[0][1]))
    tissues = ["colon", "lung", "lung", "colon", "lung", "skin"]
    counts = np.stack([class_counts(overlap(t, p), tt, pt, 4) for (t, tt), (p, pt) in pairs])
    whole = np.stack([class_counts(overlap(t, p), 1 + 0 * tt, 1 + 0 * pt, 1) for (t, tt), (p, pt) in pairs])
    binary = mean_by_tissue(pq_of_present(whole[:, 0]), tissues).value
    assert binary == pytest.approx(pannuke.bpq_by_tissue(pairs, tissues))
    expected = [pannuke.pq_of_class(pairs, kind) for kind in (1, 2, 3, 4)]
    assert pq_of_classes(counts) == pytest.approx(expected, nan_ok=True)
    assert np.isnan(expected[3])
    numbers = (counts[..., 0] + counts[..., 2], counts[..., 0] + counts[..., 1])
    r2 = [pannuke.r2_of_class(pairs, kind) for kind in (1, 2, 3, 4)]
    assert mean_count_r2(*numbers) == pytest.approx(pannuke.mean_of_defined(r2))


def test_refuses_types_that_do_not_fit():
    with pytest.raises(DataError, match="one type per instance"):
        class_counts(overlap(np.ones((2, 2), int), np.ones((2, 2), int)), np.array([]), np.array([1]), 2)
