"""Maps that cannot be nuclei are certain, maps that may not be are doubtful, and nuclei as they occur are neither."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from bench.errors import DataError
from bench.formats.labels.canonical import contiguous
from bench.formats.labels.plausible import doubts, refuse, survey
from tests.toy_maps import nuclei, pair

MPP = 0.25
TRUE, PRED = pair(1, size=200, n=60)  # of the prediction, ids are merged, and some are cut by the image's sides


def square(map_, value, row, column, side=8):
    map_[row : row + side, column : column + side] = value
    return map_


def squares(*places, size=128, side=8):
    """A map of squares with ids 1, 2, ... or with given ids (id, row, column)."""
    found = np.zeros((size, size), np.int32)
    for number, place in enumerate(places, 1):
        value, row, column = place if len(place) == 3 else (number, *place)
        square(found, value, row, column, side)
    return found


GRID = [(row, column) for row in range(4, 120, 20) for column in range(4, 120, 20)]
MANY = squares(*GRID)


def look(*maps, mpp=MPP, drawn=True):
    surveys = {f"{number}.png": survey(contiguous(each.astype(np.int32))[0]) for number, each in enumerate(maps)}
    return doubts(surveys, mpp, drawn=drawn)


def only(found):
    assert len(found) == 1
    return found[0]


def background(value):
    return np.where(MANY == 0, value, MANY)


def frame(map_, value):
    """A map whose background is an id, and 0 is a nucleus."""
    return np.where(map_ == 0, value, map_ - 1)


def lines():
    """A watershed of nuclei and background, between which it leaves lines of 0."""
    grown = ndimage.grey_dilation(MANY, 3)
    return np.where(grown == 0, 99, MANY)


CERTAIN = {
    "background of 255": (background(255), "an id is the background: it covers 86% of the image"),
    "background of 65535": (background(65535), "an id is the background"),
    "ids shifted by 1": (MANY + 1, "an id is the background"),
    "background of 255 and ids from 0": (frame(MANY, 255), "an id is the background"),
    "background in an image of 64 px": (squares((5, 5), (5, 40), (40, 5), size=64) + 1, "an id is the background"),
    "a background between lines of 0": (lines(), "an id is the background: it covers 78% of the image"),
    "a mask": (MANY > 0, "the only id has 36 separate pieces: a mask of the foreground"),
    "a mask of 255": ((MANY > 0) * 255, "the only id has 36 separate pieces"),
    "a mask of touching nuclei": (squares(*((1, row, column) for row, column in GRID[:5])), "5 separate pieces"),
    "an inverted mask": (MANY == 0, "the only id covers 86% of the image around holes: an inverted mask"),
    "classes of nuclei": (np.where(MANY > 0, 1 + MANY % 4, 0), "4 of 4 ids are in pieces far apart: classes"),
    "grey values": (np.random.default_rng(0).integers(0, 200, (60, 60)), "ids are in pieces far apart"),
    "colours of a palette": (np.random.default_rng(0).integers(0, 256, (99, 99)), "255 ids, of which 255 are"),
    "a tissue larger than any nucleus": (np.ones((300, 300)), "one id covers 100% of the image, and is larger"),
}

# predictions that are only bad
ONLY_BAD = ("a background between lines of 0", "a tissue larger than any nucleus")


@pytest.mark.parametrize("name", CERTAIN)
def test_what_cannot_be_nuclei_is_certain(name) -> None:
    map_, said = CERTAIN[name]
    doubt = only(look(map_))
    assert doubt.certain
    assert only(look(map_, drawn=False)).certain == (name not in ONLY_BAD)
    assert said in doubt.message
    assert doubt.where == "0.png"
    assert doubt.fix
    with pytest.raises(DataError, match=r"not nuclei: 2 files, the first 0\.png"):
        refuse({name: survey(contiguous(map_.astype(np.int32))[0]) for name in ("0.png", "1.png")}, MPP)


@pytest.mark.parametrize("n", [300, 700])
def test_ids_that_began_again_after_255(n) -> None:
    wrapped = nuclei(np.random.default_rng(2), 500, n).astype(np.uint8)
    doubt = only(look(wrapped))
    assert doubt.certain
    assert "after 255 (8 bits)" in doubt.message
    assert look(nuclei(np.random.default_rng(2), 500, 255)) == []


def test_ids_between_which_a_resize_interpolated() -> None:
    smooth = np.round(ndimage.zoom(TRUE.astype(float), 0.5, order=1)).astype(np.int32)
    assert "interpolated" in only(look(smooth)).message
    assert look(TRUE[::2, ::2]) == []


def test_probabilities_times_255() -> None:
    grey = np.round(255 * ndimage.gaussian_filter((TRUE > 0).astype(float), 2)).astype(np.int32)
    assert only(look(grey)).certain


CROSSED = squares((1, 30, 30), (1, 30, 46), (2, 30, 38))  # one nucleus over the middle of another
SOUND = {
    "nuclei": TRUE,
    "no nuclei": np.zeros((64, 64)),
    "one nucleus": squares((50, 50)),
    "one nucleus of 255": squares((255, 50, 50)),
    "one nucleus at a corner": squares((0, 0)),
    "ids in reverse and with gaps": np.where(MANY > 0, 1000 - 7 * MANY, 0),
    "one pixel each": squares(*GRID, side=1),
    "a crossed nucleus": CROSSED,
    "a column": np.repeat([0, 1, 0, 2, 2, 0, 3], 5)[:, None],
    "a pixel": np.ones((1, 1)),
    "watershed lines and no background": np.pad(1 + np.arange(49).reshape(7, 7).repeat(9, 0).repeat(9, 1), 1),
    "full of nuclei": 1 + np.arange(49).reshape(7, 7).repeat(9, 0).repeat(9, 1),
    "a nucleus in a small patch": np.ones((32, 32)),
    "nuclei in a small patch": np.where(np.indices((32, 32)).sum(0) < 50, 1, 2),
    "a large nucleus in a small patch": squares((1, 4, 4), size=32, side=26),
    "a ring": squares((1, 30, 30), (0, 33, 33), side=5),
}


@pytest.mark.parametrize("name", SOUND)
def test_nuclei_as_they_occur_are_no_doubt(name) -> None:
    assert look(SOUND[name]) == []
    assert look(*[SOUND[name]] * 4) == []


def test_a_prediction_with_merged_nuclei_is_no_certain_fault() -> None:
    assert not any(doubt.certain for doubt in look(PRED, drawn=False))


@given(st.integers(0, 2**32 - 1), st.integers(1, 60), st.integers(40, 120))
@settings(max_examples=60, deadline=None)
def test_drawn_nuclei_of_any_number_are_never_in_doubt(seed, n, size) -> None:
    assert look(nuclei(np.random.default_rng(seed), size, n)) == []


@given(st.integers(0, 2**32 - 1), st.sampled_from(["shift", 255, 65535, "mask"]))
@settings(max_examples=30, deadline=None)
def test_drawn_nuclei_with_another_background_or_as_a_mask_always_are(seed, how) -> None:
    true, _ = pair(seed, 150, 40, (0.2, 0.4))
    wrong = {"mask": true > 0, "shift": true + 1}.get(how, np.where(true == 0, 255 if how == 255 else 65535, true))
    assert only(look(wrong)).certain


def test_one_tile_with_one_id_in_few_pieces_is_only_doubtful_but_a_folder_of_them_is_masks() -> None:
    few = squares((1, 20, 20), (1, 60, 60), (1, 90, 20))
    doubt = only(look(few))
    assert not doubt.certain
    assert not only(look(few, MANY)).certain
    doubt = only(look(few, squares((9, 9)), few, np.zeros((64, 64))))
    assert doubt.certain
    assert doubt.where == "0.png" or doubt.where == "2 files, the first 0.png"
    assert "every file has one id" in doubt.message
    assert look(squares((1, 30, 30), (1, 30, 40))) == []  # one nucleus that is drawn in two pieces
    near = squares((1, 20, 20), (1, 20, 30), (1, 30, 25))
    assert only(look(near)).message == "the only id has 3 pieces: a mask of the foreground?"
    assert look(*[squares((1, 30, 30))] * 5) == []


def test_a_few_ids_in_pieces_far_apart_are_doubtful_and_named_once() -> None:
    odd = MANY.copy()
    odd[odd == 36] = 1
    doubt = only(look(odd, MANY, odd))
    assert (doubt.certain, doubt.where) == (False, "2 files, the first 0.png")
    assert refuse({"a": survey(odd)}, MPP) == ["a: an id is in pieces far apart, which count as one nucleus"]


def test_an_id_on_half_of_an_image_is_judged_by_its_size() -> None:
    half = squares((1, 2, 2), size=100, side=80)
    assert look(half) == []
    assert look(half, MANY)[0].message.startswith("one id covers 64% of the image, more than 20 times the median")
    assert not look(half, MANY)[0].certain
    assert only(look(half, MANY, mpp=0.6)).certain  # 2304 square micrometres
    assert not only(look(half, MANY, mpp=0.6, drawn=False)).certain  # a bad prediction


def test_doubts_that_are_certain_come_first() -> None:
    odd = contiguous(np.where(MANY == 36, 1, MANY))[0]
    assert [doubt.certain for doubt in look(odd, MANY + 1, odd)] == [True, False]
