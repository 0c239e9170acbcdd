"""Division: whole groups, the share asked for, strata kept, the order of samples irrelevant."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.datasets.splits.division import Division, divide
from bench.errors import DataError

GROUPS = [f"slide-{index % 40:02d}" for index in range(400)]


def test_eight_to_two_by_whole_groups() -> None:
    train, test = divide(GROUPS, Division())
    assert sorted(train + test) == list(range(400))
    assert len(test) == 80
    assert not {GROUPS[i] for i in train} & {GROUPS[i] for i in test}


def test_seed_decides_and_the_order_of_samples_does_not() -> None:
    order = np.random.default_rng(0).permutation(400)
    shuffled = [GROUPS[i] for i in order]
    chosen = {GROUPS[i] for i in divide(GROUPS, Division())[1]}
    assert {shuffled[i] for i in divide(shuffled, Division())[1]} == chosen
    assert {GROUPS[i] for i in divide(GROUPS, Division(seed=1))[1]} != chosen


def test_strata_keep_their_shares() -> None:
    groups = [f"patch-{index}" for index in range(1000)]
    tissues = ["breast"] * 700 + ["colon"] * 250 + ["skin"] * 50
    _, test = divide(groups, Division(stratify="tissue"), tissues)
    assert Counter(tissues[i] for i in test) == {"breast": 140, "colon": 50, "skin": 10}


def test_strata_of_one_group_each_still_leave_a_test_split() -> None:
    train, test = divide(["a", "b", "c", "d", "e"], Division(), ["1", "2", "3", "4", "5"])
    assert len(test) == 1
    assert len(train) == 4


def test_one_group_cannot_be_divided() -> None:
    with pytest.raises(DataError, match="two groups"):
        divide(["a", "a"], Division())


@given(st.lists(st.integers(0, 12), min_size=2, max_size=60), st.floats(0.1, 0.9), st.integers(0, 5))
def test_no_group_is_in_both_and_none_is_lost(codes: list[int], share: float, seed: int) -> None:
    groups = [str(code) for code in codes]
    if len(set(groups)) < 2:
        return
    train, test = divide(groups, Division(test=share, seed=seed))
    assert sorted(train + test) == list(range(len(groups)))
    assert not {groups[i] for i in train} & {groups[i] for i in test}
    largest = max(Counter(groups).values())
    assert abs(len(test) - share * len(groups)) <= largest
