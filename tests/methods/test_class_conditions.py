"""Conditions of classes: even, seeded, and refused where there are no classes."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from bench.contract import Condition
from bench.errors import DataError
from methods.class_conditions import SEED_LIMIT, class_conditions, require_classes
from tests import toy
from tests.toy_tissue import TissueDataset

TRAIN = TissueDataset(12, 8)


def drawn(n: int, seed: int = 0) -> list[Condition]:
    return list(class_conditions(TRAIN, n, np.random.default_rng(seed), {"truncation": 0.5}))


@pytest.mark.parametrize("n", [0, 1, 3, 10, 32])
def test_no_class_has_two_images_more_than_another(n: int) -> None:
    counts = Counter(condition.label for condition in drawn(n))
    of_each = [counts[label] for label in range(3)]
    assert sum(of_each) == n
    assert max(of_each) - min(of_each) <= 1


def test_a_condition_is_a_class_and_a_seed() -> None:
    found = drawn(20)
    assert len({condition.id for condition in found}) == 20
    assert len({condition.seed for condition in found}) == 20
    assert all(0 <= condition.seed < SEED_LIMIT for condition in found)
    for condition in found:
        assert condition.kind == "class"
        absent = (condition.instances, condition.types, condition.caption, condition.tissue, condition.crop)
        assert absent == (None,) * 5
        assert condition.sources == {}
        assert condition.recipe == {"truncation": 0.5}


def test_seeds_follow_the_generator_and_the_longer_plan_begins_with_the_shorter() -> None:
    assert [c.seed for c in drawn(5)] == [c.seed for c in drawn(9)][:5]
    assert [c.seed for c in drawn(5)] != [c.seed for c in drawn(5, seed=1)]


def test_what_one_condition_notes_is_its_own() -> None:
    first, second = drawn(2)
    first.recipe["start"] = "noise"
    assert "start" not in second.recipe


def test_datasets_without_classes_are_refused() -> None:
    nuclei = toy.NucleiDataset(1, 16)
    with pytest.raises(DataError, match="image-level classes"):
        require_classes(nuclei)
    with pytest.raises(DataError, match="image-level classes"):
        next(class_conditions(nuclei, 1, np.random.default_rng(0), {}))
