"""The search for windows finds the exact place of copies, and nothing in images of other tissue."""

import numpy as np
import pytest

from metrics.window_search import FLATTEST, SAME, find_windows, searchable, turned
from tests.cheats import CHEATS, HONEST
from tests.toy import tile

TILES = [tile(seed, 160)[0] for seed in range(4)]


@pytest.mark.parametrize("size", [32, 45, 64, 120])
def test_the_place_of_a_window_and_its_symmetry(size):
    rng = np.random.default_rng(size)
    images, places = [], []
    for symmetry in range(8):
        at, y, x = int(rng.integers(4)), *(int(v) for v in rng.integers(0, 160 - size, 2))
        # the symmetry that undoes the turn: reflections are their own inverses
        images.append(np.ascontiguousarray(turned(TILES[at][y : y + size, x : x + size], -symmetry % 4)))
        if symmetry >= 4:
            images[-1] = np.ascontiguousarray(turned(TILES[at][y : y + size, x : x + size], symmetry))
        places.append((at, y, x, symmetry))
    found = find_windows(images, TILES)
    assert [match[:4] for match in found] == places
    assert min(match.score for match in found) > 0.9


def test_rectangles_and_images_of_several_sizes():
    wide, tall = TILES[1][3:43, 50:140], np.ascontiguousarray(turned(TILES[2][10:110, 7:67], 1))
    found = find_windows([wide, tall, TILES[3]], TILES)
    assert [match[:3] for match in found] == [(1, 3, 50), (2, 10, 7), (3, 0, 0)]
    assert np.array_equal(turned(tall, found[1].symmetry), TILES[2][10:110, 7:67])


def test_what_cannot_be_searched_for():
    small, blank = TILES[0][:31, :60], np.full((64, 64, 3), 200, np.uint8)
    noise = np.clip(blank + np.random.default_rng(0).normal(0, FLATTEST / 2, blank.shape), 0, 255).astype(np.uint8)
    assert find_windows([small, blank, noise, TILES[0][:32, :32]], TILES)[:3] == [None, None, None]
    assert [searchable(image) for image in (small, blank, noise, TILES[0][:32, :32])] == [False, False, False, True]
    assert find_windows([TILES[0]], []) == [None]
    # tiles that are smaller than the image, and others of no size at all, have no windows
    empty = np.zeros((0, 0, 3), np.uint8)
    assert find_windows([TILES[0]], [TILES[1][:40, :40], empty, TILES[0], TILES[0]])[0].tile == 2


def test_memory_is_bounded_by_blocks(monkeypatch):
    import metrics.window_search as search

    whole = find_windows([TILES[0][5:69, 9:73], TILES[3][50:114, 0:64]], TILES)
    monkeypatch.setattr(search, "_WINDOWS", 60)
    monkeypatch.setattr(search, "_IMAGES", 1)
    parts = find_windows([TILES[0][5:69, 9:73], TILES[3][50:114, 0:64]], TILES)
    assert [match[:4] for match in parts] == [match[:4] for match in whole]


def largest(images, tiles):
    return max(match.score for match in find_windows(images, tiles) if match is not None)


def test_scores_of_cheats_and_of_honest_sets_are_far_apart():
    rng = np.random.default_rng(0)
    train, other = ([tile(seed, 96)[0] for seed in range(first, first + 4)] for first in (100, 200))
    for name, cheat in CHEATS.items():
        scores = [match.score for match in find_windows(cheat(TILES, train, 6, 48, rng), TILES)]
        assert max(scores) > SAME + 0.05, name
    for name, honest in HONEST.items():
        assert largest(honest(train, other, 6, 48, rng), TILES) < SAME - 0.1, name
