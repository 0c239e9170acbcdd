"""Measurements against scikit-image."""

from __future__ import annotations

import numpy as np
from skimage.measure import regionprops

from methods.gradmix.measure import class_counts, measure
from tests import toy


def test_agrees_with_regionprops() -> None:
    _, instances, types = toy.tile(4, 96)
    nuclei = measure(instances, len(types))
    for region in regionprops(instances):
        place = region.label - 1
        assert nuclei.areas[place] == region.area
        np.testing.assert_allclose(nuclei.centroids[place], region.centroid)
        assert nuclei.boxes[place] == region.slice


def test_vanished_ids_and_empty_maps() -> None:
    nuclei = measure(np.array([[0, 3], [3, 3]], np.int32), 3)
    assert nuclei.areas.tolist() == [0, 0, 3]
    assert nuclei.boxes[0] is None
    assert nuclei.inside(0).tolist() == [False, False, True]
    assert measure(np.zeros((4, 4), np.int32), 0).inside(0).size == 0


def test_class_counts() -> None:
    counts = class_counts(np.array([2, 2, 4], np.uint8), toy.CLASSES)
    assert counts == {"miscellaneous": 0, "inflammatory": 2, "epithelial": 0, "spindle": 1}
