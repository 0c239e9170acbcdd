"""The overlap table against a pixel-by-pixel count, whatever the ids."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from bench.errors import DataError
from metrics.overlap import overlap

maps = hnp.arrays(np.int32, (6, 7), elements=st.sampled_from([0, 0, 1, 2, 5, 40]))


def as_dict(table):
    pairs = zip(table.true_ids[table.true_index], table.pred_ids[table.pred_index], strict=True)
    return {
        (int(t), int(p)): (int(i), int(u)) for (t, p), i, u in zip(pairs, table.intersection, table.union, strict=True)
    }


def by_pixels(true, pred):
    return {
        (t, p): (int(((true == t) & (pred == p)).sum()), int(((true == t) | (pred == p)).sum()))
        for t in np.unique(true).tolist()
        for p in np.unique(pred).tolist()
        if t and p and ((true == t) & (pred == p)).any()
    }


@given(maps, maps)
def test_equals_pixel_count(true, pred):
    assert as_dict(overlap(true, pred)) == by_pixels(true, pred)


@given(maps, maps)
def test_large_ids_and_other_integer_types_give_the_same_table(true, pred):
    small, large = overlap(true, pred), overlap(true.astype(np.int64) * 50_000_000, pred.astype(np.uint8))
    assert np.array_equal(small.true_ids * 50_000_000, large.true_ids)
    for name in ("pred_ids", "true_areas", "pred_areas", "true_index", "pred_index", "intersection"):
        assert np.array_equal(getattr(small, name), getattr(large, name)), name


@given(maps, maps, hnp.arrays(np.bool_, (6, 7)))
def test_ignored_pixels_count_nowhere(true, pred, ignore):
    table = overlap(true, pred, ignore=ignore)
    erased = overlap(np.where(ignore, 0, true), np.where(ignore, 0, pred))
    assert as_dict(table) == as_dict(erased)
    assert np.array_equal(table.true_areas, erased.true_areas)
    assert np.array_equal(table.pred_areas, erased.pred_areas)


@given(maps, maps)
@settings(max_examples=50)
def test_select_equals_erasing(true, pred):
    table = overlap(true, pred)
    selected = table.select(table.true_ids != 2, table.pred_ids != 5)
    erased = overlap(np.where(true == 2, 0, true), np.where(pred == 5, 0, pred))
    for name in (
        "true_ids",
        "pred_ids",
        "true_areas",
        "pred_areas",
        "true_index",
        "pred_index",
        "intersection",
    ):
        assert np.array_equal(getattr(selected, name), getattr(erased, name)), name


def test_dense_table_and_iou():
    true = np.array([[1, 1, 3, 3]])
    pred = np.array([[0, 7, 7, 9]])
    table = overlap(true, pred)
    assert table.dense().tolist() == [[1, 0], [1, 1]]
    assert table.iou().tolist() == [1 / 3, 1 / 3, 1 / 2]


def test_empty_maps():
    empty = overlap(np.zeros((4, 4), dtype=int), np.zeros((4, 4), dtype=int))
    assert empty.both_empty
    assert len(empty.iou()) == 0
    assert overlap(np.zeros((0, 4), dtype=int), np.zeros((0, 4), dtype=int)).both_empty


@pytest.mark.parametrize(
    ("true", "pred", "message"),
    [
        (np.zeros((4, 4)), np.zeros((4, 4), dtype=int), "integer"),
        (np.zeros((4, 4), dtype=int), np.zeros((4, 5), dtype=int), "one shape"),
        (np.zeros(4, dtype=int), np.zeros(4, dtype=int), "2-D"),
        (np.full((2, 2), 2**40), np.zeros((2, 2), dtype=int), "are not in"),
        (np.full((2, 2), -1), np.zeros((2, 2), dtype=int), "are not in"),
    ],
)
def test_refuses(true, pred, message):
    with pytest.raises(DataError, match=message):
        overlap(true, pred)


def test_refuses_a_mask_of_another_shape():
    with pytest.raises(DataError, match="ignore"):
        overlap(np.zeros((4, 4), dtype=int), np.zeros((4, 4), dtype=int), ignore=np.zeros((3, 3), dtype=bool))
