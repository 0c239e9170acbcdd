"""The hold-out: stratified, whole groups, never all of a class."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.errors import DataError
from downstream.holdout import hold_out


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_images_of_their_own_are_drawn_by_class() -> None:
    labels = np.repeat([0, 1, 2], [100, 50, 4])
    split = hold_out(labels, [f"image {i}" for i in range(154)], 0.1, rng())
    assert np.bincount(labels[split.held]).tolist() == [10, 5, 1]
    assert sorted(split.train + split.held) == list(range(154))
    assert split == hold_out(labels, [f"image {i}" for i in range(154)], 0.1, rng())
    assert split != hold_out(labels, [f"image {i}" for i in range(154)], 0.1, rng(1))


def test_draw_is_even_over_a_class() -> None:
    labels, groups = np.zeros(20, int), [str(i) for i in range(20)]
    counts = np.zeros(20)
    for seed in range(400):
        counts[hold_out(labels, groups, 0.25, rng(seed)).held] += 1
    assert abs(counts - 100).max() < 45  # sd 9 of a binomial of 400 draws at 1/4


def test_four_slides_give_one() -> None:
    labels = np.tile(np.arange(9), 8)
    groups = np.repeat(["a", "b", "c", "d"], 18)
    split = hold_out(labels, list(groups), 0.1, rng())
    assert len(set(groups[split.held])) == 1
    assert len(split.held) == 18


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 8)), min_size=2, max_size=60),
    st.floats(0.05, 0.5),
    st.integers(0, 5),
)
def test_groups_stay_whole_and_classes_keep_an_image(pairs, share: float, seed: int) -> None:
    labels, groups = np.array([label for label, _ in pairs]), [f"g{group}" for _, group in pairs]
    try:
        split = hold_out(labels, groups, share, rng(seed))
    except DataError:
        # rightly refused only if every group holds all images of one of its classes
        for name in set(groups):
            inside = np.array([group == name for group in groups])
            assert any((labels[inside] == label).sum() == (labels == label).sum() for label in set(labels[inside]))
        return
    assert sorted(split.train + split.held) == list(range(len(pairs)))
    assert not {groups[i] for i in split.train} & {groups[i] for i in split.held}
    assert set(labels[split.train]) == set(labels)


def test_one_group_cannot_be_held_out_and_no_share_needs_none() -> None:
    labels = np.array([0, 0, 1, 1])
    with pytest.raises(DataError, match="holdout=0"):
        hold_out(labels, ["a"] * 4, 0.1, rng())
    assert hold_out(labels, ["a"] * 4, 0, rng()) == ([0, 1, 2, 3], [])
