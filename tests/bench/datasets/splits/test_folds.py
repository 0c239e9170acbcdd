"""Folds: a partition by group, balanced, seeded."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bench.contract import Sample
from bench.datasets.splits.folds import assign, fold
from bench.errors import ConfigError
from tests.bench.datasets.prepared.test_read import prepared


def slides(rare: list[int], tiles: int = 2) -> list[Sample]:
    """Return samples whose group `g<i>` holds `rare[i]` nuclei of class 1, and two of class 2 a tile."""
    samples = []
    for group, n in enumerate(rare):
        for number in range(tiles):
            types = np.array([1] * (n if number == 0 else 0) + [2, 2], np.uint8)
            instances = np.zeros((8, 64), np.int32)
            instances[0, : len(types)] = np.arange(1, len(types) + 1)
            image = np.full((8, 64, 3), group, np.uint8)
            samples.append(Sample(f"{group}-{number}", image, f"g{group}", 0.25, instances, types))
    return samples


@pytest.fixture
def dataset(tmp_path):
    return prepared(tmp_path, slides([9, 8, 7, 6, 5, 4, 3, 2, 0, 0, 0]))


def test_folds_partition_samples_and_keep_groups_whole(dataset) -> None:
    held_out = []
    for k in range(1, 5):
        train, validation = fold(dataset, k, 4, seed=0)
        assert sorted(train.ids + validation.ids) == sorted(dataset.ids)
        assert not set(train.groups) & set(validation.groups)
        assert (train.info.split, validation.info.split) == ("train", "validation")
        held_out += validation.ids
    assert sorted(held_out) == sorted(dataset.ids)


def test_folds_hold_about_as_many_rare_nuclei_and_groups(dataset) -> None:
    validations = [fold(dataset, k, 4, seed=3)[1] for k in range(1, 5)]
    rare = [sum(record.nuclei[0] for record in view.records) for view in validations]
    assert max(rare) - min(rare) <= 1
    sizes = [len(set(view.groups)) for view in validations]
    assert max(sizes) - min(sizes) <= 1


def test_the_seed_decides_ties_and_nothing_else_does(dataset) -> None:
    assert assign(dataset, 4, seed=1) == assign(dataset, 4, seed=1)
    assert len({tuple(sorted(assign(dataset, 4, seed).items())) for seed in range(8)}) > 1
    shuffled = dataset.subset(np.random.default_rng(0).permutation(len(dataset)).tolist())
    assert assign(shuffled, 4, seed=1) == assign(dataset, 4, seed=1)


def test_labels_are_spread_where_no_class_is_rare(tmp_path) -> None:
    samples = [
        replace(sample, instances=None, types=None, label=index % 2)
        for index, sample in enumerate(slides([0] * 12, tiles=1))
    ]
    dataset = prepared(tmp_path, samples)
    for k in (1, 2, 3):
        _, validation = fold(dataset, k, 3, seed=0)
        assert sorted(record.label for record in validation.records) == [0, 0, 1, 1]


@pytest.mark.parametrize(("k", "n"), [(0, 4), (5, 4), (1, 1), (1, 12)])
def test_impossible_folds_are_refused(dataset, k, n) -> None:
    with pytest.raises(ConfigError):
        fold(dataset, k, n, seed=0)
