"""Merging classes: published tables, once only, and the decision whether it was done."""

from __future__ import annotations

import numpy as np
import pytest

from bench.datasets.checks.merging import ClassIds, decide_state, merge_classes, settle
from bench.errors import DataError
from tests.bench.datasets.layouts import shipped_card

CONSEP, GLYSAC = shipped_card("consep"), shipped_card("glysac")
MERGED_TRAIN = {1: 371, 2: 3941, 3: 5537, 4: 5706}


def raw(n: int) -> ClassIds:
    return ClassIds(np.arange(n + 1, dtype=np.uint8), merged=False)


@pytest.mark.parametrize(
    ("card", "n", "oracle"),
    [(CONSEP, 7, [0, 1, 2, 3, 3, 4, 4, 4]), (GLYSAC, 10, [0, 1, 1, 3, 2, 2, 2, 2, 3, 1, 1])],
)
def test_tables_as_published_and_a_second_application_raises(card, n, oracle) -> None:
    merged = merge_classes(raw(n), card.merging)
    assert merged.ids.tolist() == oracle
    with pytest.raises(DataError, match="merged already"):
        merge_classes(merged, card.merging)


def test_rules_apply_at_once_not_one_after_another() -> None:
    swap = merge_classes(ClassIds(np.array([1, 2], np.uint8), merged=False), {1: 2, 2: 1})
    assert swap.ids.tolist() == [2, 1]


def test_an_id_that_is_not_raw_is_refused_with_its_file() -> None:
    with pytest.raises(DataError, match=r"in train_1\.mat.*\[8\]"):
        merge_classes(raw(8), CONSEP.merging, "train_1.mat")


@pytest.mark.parametrize(
    ("setting", "counts", "state"),
    [
        ("auto", MERGED_TRAIN, "already"),
        ("auto", {1: 371, 2: 3941, 3: 3000, 4: 2537, 5: 5000, 6: 600, 7: 100}, "raw"),
        ("auto", {**MERGED_TRAIN, 7: 1}, "raw"),
        ("merged", {1: 5}, "already"),
        ("raw", {1: 5, 3: 2}, "raw"),
    ],
)
def test_state_is_told_from_ids_and_counts(setting, counts, state) -> None:
    card = CONSEP.model_copy(update={"classes_merged": setting})
    assert decide_state(card, "train", counts) == state


@pytest.mark.parametrize(
    ("setting", "counts", "said"),
    [
        ("raw", MERGED_TRAIN, "merging twice"),  # merging these again is what must never happen
        ("merged", {1: 3, 6: 4}, "are not among the merged ids"),
        ("auto", {1: 371, 2: 3941, 3: 5537, 4: 5000}, "classes_merged: raw"),
        ("auto", {1: 371, 2: 3941, 3: 5537, 4: 5758}, "classes_merged: raw"),  # 1.02 % off
    ],
)
def test_state_that_contradicts_or_cannot_be_told_is_an_error(setting, counts, said) -> None:
    card = CONSEP.model_copy(update={"classes_merged": setting})
    with pytest.raises(DataError, match=said):
        decide_state(card, "train", counts)


def test_counts_settle_as_their_labels_do() -> None:
    assert settle(CONSEP, "already", MERGED_TRAIN) == MERGED_TRAIN
    assert settle(CONSEP, "raw", {2: 5, 3: 1, 4: 2, 7: 9}) == {1: 0, 2: 5, 3: 3, 4: 9}
