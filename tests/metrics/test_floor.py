"""The real-versus-real floor where slides are known; :func:`real_floor` is tested with the Fréchet distance."""

from __future__ import annotations

import numpy as np
import pytest

from bench.errors import DataError
from metrics.floor import group_floor, halves_by_group


def generators(n: int) -> list[np.random.Generator]:
    return [np.random.default_rng(seed) for seed in range(n)]


def test_halves_share_no_group_and_are_about_equal() -> None:
    groups = [f"slide-{i % 5}" for i in range(50)]
    first, second = halves_by_group(groups, np.random.default_rng(0))
    assert sorted(first + second) == list(range(50))
    assert not {groups[i] for i in first} & {groups[i] for i in second}
    assert {len(first), len(second)} == {20, 30}


def test_the_mean_over_splits_at_the_size_of_the_set() -> None:
    groups = [f"slide-{i % 4}" for i in range(40)]
    values, sizes = np.arange(40.0), []

    def compare(first: np.ndarray, second: np.ndarray) -> dict[str, float]:
        sizes.append((len(first), len(second)))
        assert not {groups[i] for i in first} & {groups[i] for i in second}
        return {"gap": float(values[first].mean() - values[second].mean()), "one": 1.0}

    found = group_floor(groups, 12, compare, rngs=generators(3))
    assert found is not None
    assert sizes == [(12, 12)] * 3
    assert found["one"] == 1
    again = group_floor(groups, 12, compare, rngs=generators(3))
    assert again == found
    gaps = [group_floor(groups, 12, compare, rngs=[rng]) for rng in generators(3)]
    assert found["gap"] == pytest.approx(np.mean([gap["gap"] for gap in gaps if gap]))


def test_undefined_splits_are_left_out() -> None:
    answers = iter([1.0, float("nan"), 3.0])
    found = group_floor(["a", "b"], 1, lambda first, second: {"x": next(answers)}, rngs=generators(3))
    assert found == {"x": 2.0}
    (nothing,) = (group_floor(["a", "b"], 1, lambda a, b: {"x": float("nan")}, rngs=generators(2)) or {}).values()
    assert np.isnan(nothing)


def test_one_group_has_no_floor() -> None:
    assert group_floor(["a", "a"], 1, lambda first, second: {"x": 1.0}, rngs=generators(1)) is None
    with pytest.raises(DataError, match="two groups"):
        halves_by_group(["a", "a"], np.random.default_rng(0))
