"""Copies of test images, and the nearness of whole sets to test slides: level and power of the test over slides."""

import numpy as np
import pytest

from metrics.copies import are_copies, copied_share, nearness_to_test
from metrics.window_search import find_windows
from tests.cheats import HONEST
from tests.toy import tile

ALPHA = 0.005
SLIDES, PATCHES, D = (6, 6), 12, 8


def split(rng, slides, sd=1.0):
    """Patches of slides with means of their own."""
    means = rng.normal(0, sd, (slides, D))
    values = np.repeat(means, PATCHES, axis=0) + rng.normal(size=(slides * PATCHES, D))
    return values, [f"s{index // PATCHES}" for index in range(slides * PATCHES)]


def near(made, train, test, rng):
    return nearness_to_test(made, train[0], test[0], train[1], test[1], rng, alpha=ALPHA)


def test_a_copy_shows_test_and_not_training():
    in_test, in_train = np.array([0.9, 0.9, 0.84, -1.0]), np.array([0.1, 0.76, 0.1, -1.0])
    assert are_copies(in_test, in_train).tolist() == [True, False, False, False]
    assert copied_share(in_test, in_train) == 0.25


@pytest.mark.parametrize("kind", ["knows neither", "one slide only", "learnt training"])
def test_honest_sets_are_rarely_near(kind):
    p = []
    for seed in range(10_000, 10_500):
        rng = np.random.default_rng(seed)
        train, test = split(rng, SLIDES[0]), split(rng, SLIDES[1])
        made = {
            "knows neither": lambda rng=rng: split(rng, 4)[0],
            "one slide only": lambda rng=rng: split(rng, 1)[0],
            "learnt training": lambda rng=rng, train=train: train[0][::3] + rng.normal(0, 0.5, train[0][::3].shape),
        }[kind]()
        p.append(near(made, train, test, rng).p)
    assert np.mean(np.array(p) <= ALPHA) < 0.01
    assert np.mean(np.array(p) <= 0.05) < 0.06


def test_a_set_that_learnt_test_slides_is_near():
    found = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        train, test = split(rng, SLIDES[0]), split(rng, SLIDES[1])
        found.append(near(test[0][::2] + rng.normal(0, 0.3, test[0][::2].shape), train, test, rng))
    assert np.mean([one.p <= ALPHA for one in found]) > 0.8
    assert min(one.value for one in found) > 0.7


def test_equal_images_count_once_and_few_slides_tell_nothing():
    rng = np.random.default_rng(0)
    train, test = split(rng, 6), split(rng, 6)
    assert near(np.repeat(test[0][:1], 30, axis=0), train, test, rng).n == 1
    assert near(np.repeat(test[0][:1], 30, axis=0), train, test, rng).p > 0.4
    assert near(test[0], split(rng, 3), split(rng, 3), rng) is None


def test_many_divisions_are_drawn():
    rng = np.random.default_rng(0)
    train, test = split(rng, 14), split(rng, 10)
    assert near(test[0] + 0.01, train, test, rng).p == pytest.approx(1e-4)


def scores(images, tiles):
    return np.array([-1.0 if match is None else match.score for match in find_windows(images, tiles)])


@pytest.mark.slow
def test_no_honest_set_in_a_hundred_is_marked():
    marked = []
    for number in range(13):
        rng = np.random.default_rng(number)
        train, test, other = ([tile(int(rng.integers(2**31)), 96)[0] for _ in range(6)] for _ in range(3))
        for honest in HONEST.values():
            images = honest(train, other, 50, 32, rng)
            marked.append(bool(are_copies(scores(images, test), scores(images, train)).any()))
    assert len(marked) == 104
    assert not any(marked)
