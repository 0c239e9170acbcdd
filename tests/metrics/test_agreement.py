"""Agreement of two orders: τ-b is scipy's, boards are joined by pairs, and few arms have no interval."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kendalltau

from bench.errors import DataError
from metrics.agreement import FEWEST_ARMS, Board, rank_agreement

VALUES = st.integers(0, 6)
PAIRS = st.lists(st.tuples(VALUES, VALUES), min_size=2, max_size=12)


def board(first: list[int], second: list[int], names: str = "abcdefghijklmnop") -> Board:
    return {name: (float(x), float(y)) for name, x, y in zip(names, first, second, strict=False)}


def of_pairs(pairs: list[tuple[int, int]]) -> Board:
    return board([x for x, _ in pairs], [y for _, y in pairs])


def obvious(boards: list[Board]) -> float:
    """The sum over pairs, written out."""
    above, below = 0.0, 0.0
    for one in boards:
        agree = untied_first = untied_second = 0.0
        for a, b in combinations(one, 2):
            x, y = np.sign(one[a][0] - one[b][0]), np.sign(one[a][1] - one[b][1])
            agree += x * y
            untied_first += abs(x)
            untied_second += abs(y)
        above += agree
        below += math.sqrt(untied_first * untied_second)
    return above / below if below else math.nan


@given(PAIRS)
def test_one_board_has_the_tau_b_of_scipy(pairs: list[tuple[int, int]]) -> None:
    first, second = zip(*pairs, strict=True)
    expected = kendalltau(first, second).statistic
    assert rank_agreement([of_pairs(pairs)]).tau == pytest.approx(expected, nan_ok=True)


@given(st.lists(PAIRS, min_size=1, max_size=4))
def test_boards_are_joined_by_their_pairs(several: list[list[tuple[int, int]]]) -> None:
    boards = [of_pairs(pairs) for pairs in several]
    found = rank_agreement(boards)
    assert found.tau == pytest.approx(obvious(boards), nan_ok=True)
    assert found.reason or found.low <= found.tau <= found.high


def test_perfect_orders_have_an_interval_with_a_width() -> None:
    same = rank_agreement([board([1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5, 6])])
    opposite = rank_agreement([board([1, 2, 3, 4, 5, 6], [6, 5, 4, 3, 2, 1])])
    assert (same.tau, same.high) == (1.0, 1.0)
    assert 0 < same.low < 0.7
    assert (opposite.tau, opposite.low, opposite.high) == (-1.0, -1.0, -same.low)
    assert same.p == pytest.approx(2 / math.factorial(6))  # chance orders six arms perfectly this often


def test_jackknife_of_one_board() -> None:
    """The variance is that of leaving arms out one by one, computed here with scipy."""
    first, second = [1, 2, 3, 4, 5, 6, 7], [2, 1, 4, 3, 7, 5, 6]
    found = rank_agreement([board(first, second)])
    left = [kendalltau(np.delete(first, i), np.delete(second, i)).statistic for i in range(7)]
    se = math.sqrt(6 / 7 * sum((one - np.mean(left)) ** 2 for one in left) + 1 / 49)
    assert found.low == pytest.approx(found.tau - 2.446912 * se, abs=1e-6)  # t of 6 degrees of freedom


def test_an_arm_on_two_boards_is_one_arm() -> None:
    one = board([1, 2, 3, 4, 5, 6], [2, 1, 3, 5, 4, 6])
    twice, alone = rank_agreement([one, one]), rank_agreement([one])
    assert (twice.n, twice.boards) == (6, 2)
    assert (twice.tau, twice.low, twice.high) == pytest.approx((alone.tau, alone.low, alone.high))
    apart = rank_agreement([one, board([1, 2, 3, 4, 5, 6], [2, 1, 3, 5, 4, 6], names="uvwxyz")])
    assert apart.n == 12
    assert apart.high - apart.low < alone.high - alone.low


@pytest.mark.parametrize(
    ("boards", "n", "says"),
    [
        ([], 0, "no board has two"),
        ([board([1], [1])], 1, "no board has two"),
        ([board([1], [1]), board([1], [1], names="b")], 2, "no board has two"),
        ([board([1, 2, 3, 4], [1, 2, 3, 4])], 4, "fewer than 5"),
        ([board([1] * 6, [1, 2, 3, 4, 5, 6])], 6, "all have the same number"),
        ([board([1, 1, 1, 1, 1, 2], [1, 2, 3, 4, 5, 6])], 6, "without one of them"),
    ],
)
def test_no_interval_has_a_reason(boards: list[Board], n: int, says: str) -> None:
    found = rank_agreement(boards)
    assert found.n == n
    assert says in found.reason
    assert all(math.isnan(number) for number in (found.low, found.high, found.p))


def test_an_interval_starts_at_the_fewest_arms() -> None:
    values = list(range(FEWEST_ARMS))
    assert not rank_agreement([board(values, values)]).reason


@given(st.permutations(range(7)), st.permutations("abcdefg"))
def test_the_order_and_scale_of_arms_do_not_matter(second: list[int], order: list[str]) -> None:
    there = board(list(range(7)), second)
    moved = {name: (math.exp(there[name][0]), 3 * there[name][1] - 1) for name in order}
    assert rank_agreement([moved]) == rank_agreement([there])


def test_small_boards_of_different_arms_agree_by_chance() -> None:
    boards = [{low: (1.0, 1.0), high: (2.0, 2.0)} for low, high in ("ab", "cd", "ef")]
    found = rank_agreement(boards)
    assert (found.tau, found.n, found.boards) == (1.0, 6, 3)
    assert np.isnan([found.low, found.high, found.p]).all()
    assert "8 orders" in found.reason
    whole = rank_agreement([{name: (float(i), float(i)) for i, name in enumerate("abcde")}])
    assert whole.p >= 2 / 120


def test_numbers_that_are_not_finite_are_refused() -> None:
    for odd in ((float("nan"), 1.0), (1.0, float("inf"))):
        with pytest.raises(DataError, match="finite"):
            rank_agreement([{**{str(i): (float(i), float(i)) for i in range(5)}, "x": odd}])
