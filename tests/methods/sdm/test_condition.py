"""Conditions against hand-made maps."""

from __future__ import annotations

import numpy as np

from methods.sdm.condition import channels, condition_map, instance_edges
from tests import toy


def test_edges_of_one_pixel() -> None:
    label = np.zeros((3, 3), np.int32)
    label[1, 1] = 1
    assert instance_edges(label).sum() == 5
    assert instance_edges(label)[1, 1]


def test_edges_of_a_square() -> None:
    label = np.zeros((20, 20), np.int32)
    label[6:14, 6:14] = 1
    edges = instance_edges(label)
    assert edges.sum() == 60
    assert edges[label == 1].sum() == 28


def test_touching_nuclei_are_parted() -> None:
    label = np.zeros((6, 8), np.int32)
    label[:, :4], label[:, 4:] = 1, 2
    assert np.flatnonzero(instance_edges(label)[3]).tolist() == [3, 4]


def test_one_hot_with_background() -> None:
    sample = toy.NucleiDataset(1, 64)[0]
    assert sample.instances is not None
    assert sample.types is not None
    condition = condition_map(sample.instances, sample.types, 4)
    assert condition.shape == (channels(4), 64, 64) == (6, 64, 64)
    assert condition.dtype == np.uint8
    assert (condition[:5].sum(0) == 1).all()
    assert set(np.unique(condition)) == {0, 1}
    kinds = np.where(sample.instances > 0, sample.types[sample.instances - 1], 0)
    assert (condition[:5].argmax(0) == kinds).all()


def test_null_differs_from_empty() -> None:
    empty = condition_map(np.zeros((4, 4), np.int32), np.zeros(0, np.uint8), 4)
    assert empty[0].all()
    assert not empty[1:].any()
