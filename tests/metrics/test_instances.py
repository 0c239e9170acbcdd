"""Instance metrics: published toy values, a slow twin, and their properties. Packages: test_instances_parity."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.optimize import linear_sum_assignment

from metrics.aji import best_pairs
from metrics.instances import (
    dice,
    dice_2,
    instance_f1,
    panoptic,
    pool,
    pooled_panoptic,
    pooled_pq,
    score_instances,
)
from metrics.overlap import overlap
from tests.reference import instances as twin
from tests.toy_maps import nuclei, pair

METRICS = ("dice", "jaccard", "dice_2", "aji", "aji_plus", "dq", "sq", "pq", "f1")
maps = hnp.arrays(np.int32, (6, 7), elements=st.sampled_from([0, 0, 1, 2, 3, 4]))


def squares(**boxes):
    instances = np.zeros((32, 32), dtype=np.int32)
    for name, (top, bottom, left, right) in boxes.items():
        instances[top:bottom, left:right] = int(name[1:])
    return instances


A = squares(_1=(2, 10, 2, 10), _2=(15, 25, 15, 25))
B = squares(_1=(2, 10, 4, 12), _2=(28, 32, 0, 4))
C_TRUE, C_PRED = squares(_1=(2, 10, 2, 6), _2=(2, 10, 6, 10)), squares(_1=(2, 10, 2, 10))
H_TRUE, H_PRED = squares(_1=(0, 10, 0, 6), _2=(0, 10, 6, 10)), squares(_1=(0, 10, 0, 10))


@pytest.mark.parametrize(
    ("true", "pred", "expected"),
    [
        (A, A, {"dice": 1, "aji": 1, "aji_plus": 1, "dq": 1, "sq": 1, "pq": 1, "tp": 2, "fn": 0, "fp": 0}),
        (
            A,
            B,
            {"dice": 0.393443, "aji": 0.244898, "aji_plus": 0.244898, "dice_2": 0.75, "dq": 0.5, "sq": 0.6}
            | {"pq": 0.3, "tp": 1, "fn": 1, "fp": 1},
        ),
        (C_TRUE, C_PRED, {"dice": 1, "aji": 0.5, "aji_plus": 1 / 3, "pq": 0, "tp": 0, "fn": 2, "fp": 1}),
        (C_PRED, C_TRUE, {"aji": 1 / 3, "aji_plus": 1 / 3, "pq": 0, "tp": 0, "fn": 1, "fp": 2}),
        (
            H_TRUE,
            H_PRED,
            {"aji": 0.5, "aji_plus": 0.428571, "dq": 2 / 3, "sq": 0.6, "pq": 0.4, "tp": 1, "fn": 1, "fp": 0},
        ),
    ],
    ids=["A", "B", "C", "D", "H"],
)
def test_published_toys(true, pred, expected):
    scores = score_instances(true, pred)
    assert {name: getattr(scores, name) for name in expected} == pytest.approx(expected, abs=1e-6)


@given(maps, maps)
@settings(max_examples=150)
def test_equals_the_slow_twin(true, pred):
    scores = score_instances(true, pred)
    if not true.any() and not pred.any():
        assert all(np.isnan(getattr(scores, name)) for name in METRICS)
        return
    assert scores.dice == pytest.approx(twin.dice(true, pred), abs=1e-12)
    dq, sq, pq, tp, fp, fn = twin.panoptic(true, pred)
    assert (scores.tp, scores.fp, scores.fn) == (tp, fp, fn)
    assert (scores.dq, scores.sq, scores.pq) == pytest.approx((dq, sq, pq), abs=1e-12)
    assert scores.aji == pytest.approx(twin.aji(true, pred), abs=1e-12)
    if ((true > 0) & (pred > 0)).any():
        assert scores.dice_2 == pytest.approx(twin.dice_2(true, pred), abs=1e-12)
    table = overlap(true, pred)
    assert table.iou()[best_pairs(table)].sum() == pytest.approx(twin.best_total_iou(twin.iou_matrix(true, pred)))


@pytest.mark.parametrize("seed", range(5))
def test_aji_plus_pairs_as_the_full_hungarian(seed):
    rng = np.random.default_rng(seed)
    table = overlap(nuclei(rng, 200, 120), nuclei(rng, 200, 120))
    dense = np.zeros((table.n_true, table.n_pred))
    dense[table.true_index, table.pred_index] = table.iou()
    best = dense[linear_sum_assignment(dense, maximize=True)].sum()
    rows = best_pairs(table)
    assert table.iou()[rows].sum() == pytest.approx(best, abs=1e-9)
    assert len(set(table.true_index[rows])) == len(rows) == len(set(table.pred_index[rows]))


@given(maps, maps, st.randoms(use_true_random=False))
def test_ids_may_be_permuted(true, pred, random):
    names = [3, 17, 200, 9]
    random.shuffle(names)
    renamed = np.array([0, *names])[pred]
    first, second = score_instances(true, pred), score_instances(true, renamed)
    # AJI and AJI+ may resolve exact ties of IoU otherwise; everything else is equal bit for bit.
    for name in ("dice", "jaccard", "dice_2", "dq", "tp", "fp", "fn"):
        assert getattr(first, name) == pytest.approx(getattr(second, name), nan_ok=True, abs=0)
    assert first.pq == pytest.approx(second.pq, nan_ok=True, abs=1e-12)


TURNS = {"transposed": np.transpose, "upside down": np.flipud, "left to right": np.fliplr, "turned": np.rot90}


@pytest.mark.parametrize("turn", TURNS.values(), ids=list(TURNS))
@pytest.mark.parametrize("seed", range(2))
def test_blind_to_flips_and_turns(turn, seed):
    true, pred = pair(seed, 120, 40)
    here, there = score_instances(true, pred), score_instances(turn(true), turn(pred))
    assert dataclasses.asdict(there) == pytest.approx(dataclasses.asdict(here), abs=1e-12)


@given(st.lists(st.tuples(maps, maps), min_size=1, max_size=6), st.integers(0, 6))
@settings(max_examples=50)
def test_pooling_is_blind_to_order_and_batches(pairs, cut):
    rows = pool([score_instances(true, pred) for true, pred in pairs])
    whole = pooled_pq(rows.sum(axis=0))
    assert pooled_pq(rows[::-1].sum(axis=0)) == pytest.approx(whole, nan_ok=True, abs=1e-12)
    batches = rows[:cut].sum(axis=0) + rows[cut:].sum(axis=0)
    assert pooled_pq(batches) == pytest.approx(whole, nan_ok=True, abs=1e-12)


@given(maps, maps)
def test_symmetric_where_it_should_be(true, pred):
    forth, back = score_instances(true, pred), score_instances(pred, true)
    for name in ("dice", "jaccard", "dice_2", "dq", "sq", "pq", "f1"):
        assert getattr(forth, name) == pytest.approx(getattr(back, name), nan_ok=True, abs=1e-12)
    assert (forth.fp, forth.fn) == (back.fn, back.fp)


def test_both_empty_is_undefined():
    scores = score_instances(np.zeros((8, 8), dtype=int), np.zeros((8, 8), dtype=int))
    assert scores.both_empty
    assert all(np.isnan(getattr(scores, name)) for name in METRICS)
    assert scores.pooled().tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize("swap", [False, True])
def test_one_empty_is_zero(swap):
    pair = (A, np.zeros_like(A))
    scores = score_instances(*(pair[::-1] if swap else pair))
    assert {name: getattr(scores, name) for name in METRICS} == dict.fromkeys(METRICS, 0)


def test_no_background_and_gaps_in_ids():
    full = np.full((4, 4), 3)
    assert score_instances(full, np.full((4, 4), 7)).pq == 1


def test_ignored_nuclei_count_nowhere():
    ignore = np.zeros(A.shape, dtype=bool)
    ignore[12:, :] = True
    scores = score_instances(A, B, ignore=ignore)
    assert (scores.tp, scores.fp, scores.fn) == (1, 0, 0)
    assert scores.dice == 0.75


def test_pooling_sums_counts_over_images():
    scores = [score_instances(A, B), score_instances(A, A), score_instances(A * 0, A * 0)]
    dq, sq, pq = pooled_panoptic(pool(scores).sum(axis=0))
    assert (dq, sq, pq) == pytest.approx((3 / 4, (0.6 + 2) / 3, 3 / 4 * (0.6 + 2) / 3))
    assert pooled_pq(np.stack([pool(scores).sum(axis=0), np.zeros(4)]))[0] == pq
    assert np.isnan(pooled_pq(np.zeros(4)))
    assert pool([]).shape == (0, 4)


def test_f1_at_other_thresholds():
    table = overlap(A, B)
    assert instance_f1(table, 0.59) == 0.5
    assert instance_f1(table, 0.6) == 0
    with pytest.raises(ValueError, match="at least"):
        instance_f1(table, 0.4)


def test_the_parts_agree_with_the_whole():
    table, scores = overlap(A, B), score_instances(A, B)
    assert (dice(table), dice_2(table), panoptic(table).pq) == (scores.dice, scores.dice_2, scores.pq)
    with pytest.raises(dataclasses.FrozenInstanceError):
        scores.dice = 0.0
