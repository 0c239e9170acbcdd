"""Outlines: where the labels are, in colours that people tell apart."""

from __future__ import annotations

import numpy as np

from reports.outlines import COLOURS, NO_CLASS, class_colours, outlined
from tests import toy


def test_outlines_lie_inside_nuclei_in_the_colour_of_their_class() -> None:
    image, instances, types = toy.tile(1, 64)
    plain, drawn = outlined(image, None, None, 3), outlined(image, instances, types, 3)
    changed = (plain != drawn).any(-1)
    labels = instances.repeat(3, 0).repeat(3, 1)
    assert not changed[labels == 0].any()
    for identifier, kind in enumerate(types, start=1):
        colours = np.unique(drawn[changed & (labels == identifier)], axis=0)
        assert [tuple(c) for c in colours] == [COLOURS[kind - 1]]
    inner = labels.copy()
    for axis, step in ((0, 1), (0, -1), (1, 1), (1, -1)):
        inner[np.roll(labels, step, axis) != labels] = 0
    assert not changed[inner > 0].any()


def test_a_nucleus_that_the_frame_cuts_stays_open() -> None:
    image, instances = np.zeros((8, 8, 3), np.uint8), np.zeros((8, 8), np.int32)
    instances[:4, :] = 1
    drawn = outlined(image, instances, np.array([2], np.uint8), 1, width=2)
    assert sorted(set(np.flatnonzero(drawn.any((1, 2))).tolist())) == [2, 3]
    assert (drawn[2:4] == COLOURS[1]).all()


def test_a_nucleus_of_no_class_is_white_and_others_have_the_colours_of_the_legend() -> None:
    image, instances = np.zeros((8, 8, 3), np.uint8), np.zeros((8, 8), np.int32)
    instances[2:4, 2:4], instances[5:7, 5:7] = 1, 2
    drawn = outlined(image, instances, np.array([0, 1], np.uint8))
    assert tuple(drawn[2, 2]) == NO_CLASS
    assert "#{:02x}{:02x}{:02x}".format(*drawn[5, 5]) == class_colours(["only"])["only"]


def test_more_classes_than_colours_begin_again() -> None:
    found = class_colours([str(number) for number in range(10)])
    assert found["9"] == found["0"]
    assert len(set(found.values())) == 9


def test_labels_follow_the_image_to_any_size() -> None:
    image, instances, types = toy.tile(3, 64)
    drawn = outlined(image, instances, types, 0.75)
    assert drawn.shape == (48, 48, 3)
    assert any((drawn == COLOURS[kind - 1]).all(-1).any() for kind in types.tolist())
