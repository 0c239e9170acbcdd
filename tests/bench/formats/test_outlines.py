"""Filling of outlines: exact for rectangles, as scikit-image for simple polygons, and two rules where they cross."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from skimage.draw import polygon2mask

from bench.formats.outlines import covered, crosses_itself

SHAPE = (23, 31)
BOW_TIE = np.array([(2, 2), (20, 12), (20, 2), (2, 12)], float)
PENTAGRAM = np.array([(15 + 10 * np.cos(a), 11 + 10 * np.sin(a)) for a in np.arange(5) * 4 * np.pi / 5])


def full(vertices, fill="nonzero", shape=SHAPE) -> np.ndarray:
    mask, window = covered(np.asarray(vertices, float), shape, fill)
    image = np.zeros(shape, bool)
    image[window] = mask
    return image


coordinates = st.floats(-12, 45, allow_nan=False).map(lambda x: round(x, 3))


@given(coordinates, coordinates, coordinates, coordinates, st.sampled_from(["nonzero", "even-odd"]), st.booleans())
@settings(max_examples=300, deadline=None)
def test_a_rectangle_covers_exactly_the_pixels_whose_centres_it_holds(x0, y0, x1, y1, fill, turned) -> None:
    (x0, x1), (y0, y1) = sorted((x0, x1)), sorted((y0, y1))
    vertices = [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
    rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]]
    expected = (columns >= x0) & (columns <= x1) & (rows >= y0) & (rows <= y1)
    np.testing.assert_array_equal(full(vertices[::-1] if turned else vertices, fill), expected)


@given(st.integers(0, 2**32 - 1), st.integers(3, 12), st.booleans())
@example(49754, 3, False)  # a centre 4e-7 px outside an edge
@settings(max_examples=100, deadline=None)
def test_star_shaped_polygons_are_filled_as_by_scikit_image(seed, n, whole) -> None:
    rng = np.random.default_rng(seed)
    angles = np.sort(rng.uniform(0, 2 * np.pi, n))
    radii = rng.uniform(2, 14, n)
    vertices = np.stack([15 + radii * np.cos(angles), 11 + radii * np.sin(angles)], 1)
    vertices = np.round(vertices) if whole else vertices
    reference = polygon2mask(SHAPE, vertices[:, ::-1])
    # a pixel whose centre lies on the outline is covered here, wherever it lies; scikit-image leaves some of them out
    border = [[on_outline(vertices, x, y) for x in range(SHAPE[1])] for y in range(SHAPE[0])]
    np.testing.assert_array_equal(full(vertices, "even-odd"), reference | np.array(border))
    if not crosses_itself(vertices) and not whole:
        np.testing.assert_array_equal(full(vertices), reference)


def on_outline(vertices: np.ndarray, x: float, y: float) -> bool:
    """Say whether a point lies on an edge of an outline."""
    start, along = vertices, np.roll(vertices, -1, axis=0) - vertices
    offset = np.array([x, y]) - start
    length = np.maximum((along**2).sum(axis=1), 1e-12)
    share = np.clip((offset * along).sum(axis=1) / length, 0, 1)
    return bool((np.abs(offset - share[:, None] * along).sum(axis=1) < 1e-9).any())


def test_x_is_the_column() -> None:
    mask = full([(1, 2), (9, 2), (9, 4), (1, 4)])
    assert mask[2:5, 1:10].all()
    assert mask.sum() == 3 * 9


def test_the_two_rules_differ_where_an_outline_goes_round_twice() -> None:
    assert full(PENTAGRAM)[11, 15]
    assert not full(PENTAGRAM, "even-odd")[11, 15]
    assert full(PENTAGRAM).sum() > full(PENTAGRAM, "even-odd").sum() > 40
    np.testing.assert_array_equal(full(BOW_TIE), full(BOW_TIE, "even-odd"))


@pytest.mark.parametrize("vertices", [BOW_TIE, PENTAGRAM, BOW_TIE + 0.37])
def test_crossings_are_found(vertices) -> None:
    assert crosses_itself(vertices)
    assert crosses_itself(vertices[::-1])
    assert crosses_itself(np.repeat(vertices, 2, axis=0))


@pytest.mark.parametrize(
    "vertices",
    [
        [(0, 0), (5, 0), (5, 5), (0, 5)],
        [(0, 0), (5, 0), (5, 5), (0, 5), (0, 0)],  # closed by hand
        [(0, 0), (6, 0), (3, 3), (6, 6), (0, 6), (3, 3)],  # touches itself at a vertex
        [(0, 0), (9, 0), (5, 0), (5, 5)],  # a spike along its own edge
        [(1, 1)],
        [],
    ],
)
def test_outlines_that_only_touch_themselves_do_not_cross(vertices) -> None:
    assert not crosses_itself(np.array(vertices, float).reshape(-1, 2))


def test_crossings_are_found_among_many_vertices() -> None:
    angles = np.linspace(0, 2 * np.pi, 3000, endpoint=False)
    ring = np.stack([np.cos(angles), np.sin(angles)], 1) * 500
    assert not crosses_itself(ring)
    ring[[2500, 2501]] = ring[[2501, 2500]]
    assert crosses_itself(ring)


@pytest.mark.parametrize("offset", [(-100, 0), (0, 100), (100, 100), (1e6, -1e6)])
def test_what_lies_outside_covers_nothing(offset) -> None:
    assert not full(PENTAGRAM + offset).any()
    assert not full(np.zeros((0, 2))).any()


def test_what_crosses_the_border_of_the_image_is_cut() -> None:
    large = full(PENTAGRAM + 10, shape=(40, 40))
    np.testing.assert_array_equal(full(PENTAGRAM + 10), large[: SHAPE[0], : SHAPE[1]])
    np.testing.assert_array_equal(full(PENTAGRAM - 10), full(PENTAGRAM + 10, shape=(60, 60))[20:43, 20:51])
