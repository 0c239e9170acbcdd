"""Masks as hints: colours by name, edges, the null mask."""

from __future__ import annotations

import numpy as np
import pytest

from bench.errors import ConfigError, DataError
from methods.pathdiff.hints import NULL, TABLE, colours_of, encode, null_hint, palette

INSTANCES = np.zeros((6, 6), np.int32)
INSTANCES[1:3, 1:3], INSTANCES[4:, 4:] = 1, 2


def test_colours_are_those_of_the_release_in_any_order_of_classes() -> None:
    conic = ("neutrophil", "epithelial", "lymphocyte", "plasma", "eosinophil", "connective")
    assert list(palette(conic, {}).values()) == list(TABLE[:6])
    assert palette(conic[::-1], {}) == palette(conic, {})
    # MoNuSAC as HoVer-Net orders it: macrophage before neutrophil
    monusac = palette(("epithelial", "lymphocyte", "macrophage", "neutrophil"), {})
    assert monusac["neutrophil"] == (0, 0, 255)
    assert monusac["macrophage"] == (255, 255, 0)


def test_colours_of_other_datasets_do_not_depend_on_the_order_of_classes() -> None:
    classes = ("spindle", "miscellaneous", "epithelial", "inflammatory")
    assert palette(classes, {}) == palette(classes[::-1], {})
    assert palette(classes, {"spindle": (1, 2, 3)})["spindle"] == (1, 2, 3)


def test_colours_that_cannot_be_told_apart_are_refused() -> None:
    with pytest.raises(ConfigError, match="Only classes of the dataset"):
        palette(("a", "b"), {"c": (1, 2, 3)})
    for colour in ((0, 0, 0), (255, 255, 255), TABLE[1]):
        with pytest.raises(ConfigError, match="colour of its own"):
            palette(("a", "b"), {"a": colour})
    with pytest.raises(ConfigError, match="9 classes"):
        palette(tuple("abcdefghi"), {})


def test_classes_that_were_not_trained_are_refused() -> None:
    assert colours_of(["b", "a"], {"a": (1, 0, 0), "b": (2, 0, 0)}) == [(2, 0, 0), (1, 0, 0)]
    with pytest.raises(DataError, match="other classes"):
        colours_of(["c"], {"a": (1, 0, 0)})


def test_channels_are_rgb_of_classes_and_white_edges() -> None:
    hint = encode(INSTANCES, np.array([2, 1], np.uint8), [(10, 20, 30), (40, 50, 60)], edges=True)
    assert hint.dtype == np.uint8
    assert hint.shape == (6, 6, 6)
    assert hint[:3, 1, 1].tolist() == [40, 50, 60]
    assert hint[:3, 5, 5].tolist() == [10, 20, 30]
    assert hint[:3, 0, 0].tolist() == [0, 0, 0]
    edges = hint[3]
    assert set(np.unique(edges)) == {0, 255}
    assert np.array_equal(hint[3], hint[4])
    assert np.array_equal(hint[3], hint[5])
    assert edges[0, 1] == edges[1, 1] == 255  # both sides of a boundary
    assert edges[0, 0] == 0
    assert encode(INSTANCES, np.array([2, 1], np.uint8), [(1, 1, 1), (2, 2, 2)], edges=False).shape == (3, 6, 6)


def test_the_null_mask_is_neither_background_nor_a_class() -> None:
    null, background = null_hint(6, 6), encode(np.zeros((6, 6), np.int32), np.zeros(0, np.uint8), [], edges=True)
    assert set(np.unique(null)) == {NULL} == {10}
    assert set(np.unique(background)) == {0}
