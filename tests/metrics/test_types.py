"""Detection and typing: published toy counts, a slow twin, and the traps of the reference script."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from bench.errors import DataError
from metrics.types import (
    CentroidMatches,
    centroids,
    detection_f1,
    match_centroids,
    matched_counts,
    matching_radius,
    n_counts,
    type_accuracy,
    type_counts,
    type_f1,
    type_scores,
)
from tests.reference import instances as twin
from tests.reference import types as loops
from tests.toy_maps import pair, typed

maps = hnp.arrays(np.int32, (9, 12), elements=st.sampled_from([0, 0, 1, 2, 7]))


def toy_counts():
    """GT [1,1,1,2,2,3] against [1,1,2,2,1,3]; alone: GT [1,3], predicted [2,2,1]."""
    true_types, pred_types = np.array([1, 1, 1, 2, 2, 3, 1, 3]), np.array([1, 1, 2, 2, 1, 3, 2, 2, 1])
    matches = CentroidMatches(np.stack([np.arange(6)] * 2, axis=1), np.array([6, 7]), np.array([6, 7, 8]))
    return matched_counts(matches, true_types, pred_types, 3)


def test_published_toy():
    code, paper = type_scores(toy_counts()), type_scores(toy_counts(), "paper")
    assert code.f_d == pytest.approx(12 / 17)
    assert code.acc == pytest.approx(4 / 6)
    assert code.f_type == pytest.approx((0.4, 0.25, 2 / 3))
    assert paper.f_type == pytest.approx((0.470588, 0.470588, 0.705882), abs=1e-6)
    assert (code.precision, code.recall) == pytest.approx((6 / 9, 6 / 8))
    assert not code.undefined


def test_perfect_pairs_give_the_usual_f1():
    from sklearn.metrics import precision_recall_fscore_support

    rng = np.random.default_rng(0)
    true, pred = rng.integers(1, 4, 200), rng.integers(1, 4, 200)
    everyone = CentroidMatches(np.stack([np.arange(200)] * 2, axis=1), np.array([], int), np.array([], int))
    counts = matched_counts(everyone, true, pred, 3)
    tp, fp, fn, tn = counts[4:].reshape(3, 6)[:, :4].T
    precision, recall, _, support = precision_recall_fscore_support(true, pred, labels=[1, 2, 3])
    assert (tp / (tp + fp)).tolist() == pytest.approx(precision.tolist())
    assert (tp / (tp + fn)).tolist() == pytest.approx(recall.tolist())
    assert (tp + fn).tolist() == support.tolist()
    assert (tp + fp + fn + tn == 200).all()


@given(maps)
def test_centroids_are_x_y(instances):
    assert centroids(instances) == pytest.approx(twin.centroids(instances))


def test_centroids_equal_centre_of_mass():
    instances = ndimage.label(np.random.default_rng(1).random((80, 50)) > 0.6)[0]
    found = ndimage.center_of_mass(instances > 0, instances, np.arange(1, instances.max() + 1))
    assert centroids(instances) == pytest.approx(np.array(found)[:, ::-1])


def test_the_radius_comes_after_the_assignment():
    # On a line: truth at 0 and 10, predictions at 8 and 25. All pairs: 8 + 15 < 25 + 2, so 10 goes to 25 and
    # loses its neighbour at 8; with the radius first, 10 and 8 would be the pair.
    true, pred = np.array([[0.0, 0.0], [10.0, 0.0]]), np.array([[8.0, 0.0], [25.0, 0.0]])
    assert match_centroids(true, pred, 15).pairs.tolist() == [[0, 0], [1, 1]]
    assert match_centroids(true, pred, 8).pairs.tolist() == [[0, 0]]
    assert match_centroids(true, pred, 8).unmatched_true.tolist() == [1]
    assert match_centroids(true, pred, 8).unmatched_pred.tolist() == [1]
    assert match_centroids(true, pred, 7).pairs.tolist() == []


@given(
    hnp.arrays(np.float64, (4, 2), elements=st.integers(0, 30)),
    hnp.arrays(np.float64, (5, 2), elements=st.integers(0, 30)),
    st.integers(1, 30),
)
@settings(max_examples=60)
def test_matching_minimises_the_total_distance(true, pred, radius):
    everything = match_centroids(true, pred, np.inf).pairs
    total = np.linalg.norm(true[everything[:, 0]] - pred[everything[:, 1]], axis=1).sum()
    best = min(
        sum(np.linalg.norm(true[i] - pred[j]) for i, j in enumerate(order))
        for order in itertools.permutations(range(5), 4)
    )
    assert total == pytest.approx(best)
    kept = match_centroids(true, pred, radius)
    assert {tuple(pair) for pair in kept.pairs.tolist()} <= {tuple(pair) for pair in everything.tolist()}
    assert len(kept.pairs) + len(kept.unmatched_true) == 4
    assert len(kept.pairs) + len(kept.unmatched_pred) == 5


def test_counts_of_maps():
    true = np.zeros((40, 40), dtype=np.int32)
    true[0:4, 0:4], true[20:24, 20:24], true[30:34, 0:4] = 1, 2, 3
    pred = np.zeros_like(true)
    pred[1:5, 0:4], pred[20:24, 21:25] = 4, 9
    counts = type_counts(true, np.array([1, 2, 2]), pred, np.array([1, 0]), n_classes=2, radius_px=12)
    assert counts.tolist() == [2, 0, 1, 1, 1, 0, 0, 1, 0, 0, 0, 0, 1, 1, 0, 1]
    assert len(counts) == n_counts(2)


def test_empty_maps_count_nothing_and_no_fake_nucleus():
    nothing = np.zeros((8, 8), dtype=np.int32)
    counts = type_counts(nothing, np.array([], int), nothing, np.array([], int), n_classes=2, radius_px=12)
    assert not counts.any()
    scores = type_scores(counts)
    assert set(scores.undefined) == {"f_d", "precision", "recall", "acc", "f_type/1", "f_type/2"}
    assert np.isnan([scores.f_d, scores.acc, scores.precision, scores.recall, *scores.f_type]).all()


def test_one_side_empty_is_zero():
    nothing, one = np.zeros((8, 8), dtype=np.int32), np.pad(np.ones((2, 2), dtype=np.int32), 3)
    missed = type_scores(type_counts(one, np.array([1]), nothing, np.array([], int), n_classes=2, radius_px=12))
    assert (missed.f_d, missed.precision, missed.recall, missed.f_type[0]) == (0, 0, 0, 0)
    assert set(missed.undefined) == {"acc", "f_type/2"}
    made_up = type_scores(type_counts(nothing, np.array([], int), one, np.array([1]), n_classes=2, radius_px=12))
    assert (made_up.f_d, made_up.precision, made_up.recall, made_up.f_type[0]) == (0, 0, 0, 0)


def test_a_class_absent_from_both_is_undefined_in_both_variants():
    counts = np.append(toy_counts(), [0, 0, 0, 6, 0, 0])
    assert np.isnan(type_scores(counts).f_type[3])
    assert np.isnan(type_scores(counts, "paper").f_type[3])


TYPED = "three maps of 300 px with 200 nuclei of 3 classes, pooled"


def test_equals_loops_over_nuclei_and_pairs(agree):
    from sklearn.metrics import accuracy_score

    images, counts = [], np.zeros(n_counts(3), dtype=np.int64)
    for seed in range(3):
        rng = np.random.default_rng(seed)
        true, pred = pair(seed)
        types = typed(rng, true, 3), typed(rng, pred, 3)
        images.append((twin.centroids(true), types[0], twin.centroids(pred), types[1]))
        counts += type_counts(true, types[0], pred, types[1], n_classes=3, radius_px=12)
    scores, found = type_scores(counts), loops.pooled(images, 12)
    about = {"reference": "tests/reference/types.py", "inputs": TYPED, "bound": 1e-9}
    ours = scores.f_d, scores.precision, scores.recall, scores.acc
    for name, mine, theirs in zip(
        ("f_d", "precision_d", "recall_d", "acc"), ours, loops.detection(*found), strict=True
    ):
        agree(name, mine, theirs, function="detection", **about)
    by_class = np.transpose([loops.of_class(c, *found) for c in (1, 2, 3)])
    ours = scores.f_type, scores.precision_type, scores.recall_type
    for name, mine, theirs in zip(("f_type", "precision_type", "recall_type"), ours, by_class, strict=True):
        agree(name, mine, theirs, function="of_class", **about)
    printed = [loops.as_printed(c, *found) for c in (1, 2, 3)]
    agree("f_type_paper", type_scores(counts, "paper").f_type, printed, function="as_printed", **about)
    pairs = np.array(found[0])
    learn = {"reference": "scikit-learn", "function": "accuracy_score", "inputs": f"the matched pairs of {TYPED}"}
    agree("acc", scores.acc, accuracy_score(*pairs.T), **learn, bound=1e-9)


@pytest.mark.parametrize("turn", [np.transpose, np.flipud, np.fliplr, np.rot90])
def test_blind_to_flips_and_turns(turn):
    true, pred = pair(5, 120, 30)
    types = typed(np.random.default_rng(0), true, 3), typed(np.random.default_rng(1), pred, 3)
    here = type_counts(true, types[0], pred, types[1], n_classes=3, radius_px=12)
    there = type_counts(turn(true), types[0], turn(pred), types[1], n_classes=3, radius_px=12)
    assert here.tolist() == there.tolist()


def test_statistics_are_vectorised():
    counts = np.stack([toy_counts(), 2 * toy_counts()])
    assert detection_f1(counts).tolist() == pytest.approx([12 / 17] * 2)
    assert type_accuracy(counts[None]).shape == (1, 2)
    assert type_f1(counts, "paper").shape == (2, 3)


def test_radius_follows_the_resolution():
    assert (matching_radius(0.25), matching_radius(0.5)) == (12, 6)


def test_refuses_types_that_do_not_fit():
    one = np.ones((4, 4), dtype=np.int32)
    with pytest.raises(DataError, match="one entry"):
        type_counts(one, np.array([1, 2]), one, np.array([1]), n_classes=2, radius_px=12)
    with pytest.raises(DataError, match=r"true_types.*1\.\.2"):
        type_counts(one, np.array([0]), one, np.array([1]), n_classes=2, radius_px=12)
    with pytest.raises(DataError, match=r"pred_types.*0\.\.2"):
        type_counts(one, np.array([1]), one, np.array([3]), n_classes=2, radius_px=12)
