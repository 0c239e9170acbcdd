"""Leakage into synthetic images: copies of test images are named, training copies and chance are not."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from bench.datasets.checks.copies import near_copies
from tests.toy import tile

N = 30


def images(first: int, n: int = N, size: int = 96) -> list[np.ndarray]:
    return [tile(seed, size, density=0.006)[0] for seed in range(first, first + n)]


def noisy(array: np.ndarray) -> np.ndarray:
    return np.clip(array + np.random.default_rng(0).normal(0, 4, array.shape), 0, 255).astype(np.uint8)


TRAIN, TEST = images(0), images(1000)


def test_copies_of_test_images_are_named_exact_and_near() -> None:
    made = images(2000)
    made[3], made[5] = TEST[11], noisy(TEST[20])
    made[8] = np.array(Image.fromarray(TEST[2]).resize((64, 64), Image.Resampling.BILINEAR))
    report = near_copies(made, TRAIN, TEST)
    assert report.exact == ((3, 11),)
    assert report.copies == ((3, 11), (5, 20), (8, 2))
    assert [(item.synthetic, item.test) for item in report.nearest[:3]] == [(3, 11), (5, 20), (8, 2)]
    assert report.nearest[0].distance == 0.0
    # what is near by chance is hardly nearer than a training image is
    assert report.nearest[2].distance < 0.5 * report.nearest[2].train_distance
    assert all(item.distance > 0.5 * item.train_distance for item in report.nearest[3:])


def test_copies_of_training_images_are_no_leak() -> None:
    report = near_copies([noisy(image) for image in TRAIN], TRAIN, TEST)
    assert (report.exact, report.copies) == ((), ())
    assert report.n_test == N
    assert near_copies(TRAIN, TRAIN, TEST).nearer == 0  # nearer, not as near


def test_a_test_image_that_training_holds_is_exact_but_not_blamed_on_the_set() -> None:
    report = near_copies([TEST[4]], [*TRAIN, TEST[4]], TEST)
    assert report.exact == ((0, 4),)
    assert report.copies == ()


def test_as_many_are_nearer_as_chance_says() -> None:
    report = near_copies(images(2000, 60), images(0, 20), images(1000, 80))
    assert report.by_chance == pytest.approx(80 * 60 / 80)
    assert abs(report.nearer - report.by_chance) < 15


def test_distances_are_those_of_thumbnails_in_grey_levels() -> None:
    grey = [np.full((32, 48, 3), value, np.uint8) for value in (100, 90, 130)]
    (found,) = near_copies([grey[1]], [grey[2]], [grey[0]]).nearest
    assert found == (0, 0, 10.0, 30.0)
    assert near_copies([grey[1]], [grey[2]], [grey[0]]).copies == ()  # blank


def test_nothing_to_compare_is_nothing_found() -> None:
    empty = np.zeros((0, 0, 3), np.uint8)
    assert near_copies([], TRAIN, TEST) == ((), (), 0, 0.0, N, ())
    assert near_copies([TEST[0]], TRAIN, []) == ((), (), 0, 0.0, 0, ())
    report = near_copies([empty, TEST[1]], [empty], [empty, *TEST])
    assert report.exact == ((1, 2),)
    assert report.nearest[0][:2] == (1, 2)
    assert report.nearest[0].train_distance == np.inf
