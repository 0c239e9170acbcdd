"""mPQ, bPQ and mPQ+ against the published toy, and against scoring one class after the other."""

import numpy as np
import pytest
from sklearn.metrics import r2_score

from bench.errors import DataError
from metrics.instances import panoptic
from metrics.multiclass import class_counts, count_r2, mean_by_tissue, mpq_of_images, mpq_plus, pq_of_present
from metrics.overlap import overlap

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


def test_r2_equals_scikit_learn():
    rng = np.random.default_rng(0)
    true = rng.poisson(20, (30, 4))
    pred = true + rng.integers(-5, 6, true.shape)
    assert count_r2(true, pred) == pytest.approx(r2_score(true, pred, multioutput="raw_values"))
    assert np.isnan(count_r2(np.ones((3, 1)), np.zeros((3, 1)))).all()


def test_refuses_types_that_do_not_fit():
    with pytest.raises(DataError, match="one type"):
        class_counts(overlap(np.ones((2, 2), int), np.ones((2, 2), int)), np.array([]), np.array([1]), 2)
