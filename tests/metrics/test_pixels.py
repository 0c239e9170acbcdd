"""Agreement of foregrounds: scikit-learn, and what empty images count."""

import math

import numpy as np
import pytest
from sklearn.metrics import f1_score, jaccard_score

from bench.errors import DataError
from metrics.pixels import pixel_scores


@pytest.mark.parametrize("seed", range(3))
def test_equals_scikit_learn(agree, seed):
    true, pred = np.random.default_rng(seed).random((2, 17, 23)) < 0.3
    scores, flat = pixel_scores(true, pred), (true.ravel(), pred.ravel())
    about = {"reference": "scikit-learn", "inputs": "foregrounds of 17 x 23 px", "bound": 1e-12}
    agree("dice_pixels/image", scores.dice, f1_score(*flat), function="f1_score", **about)
    agree("dice_pixels_cellvit/image", scores.dice_cellvit, f1_score(*flat), function="f1_score", **about)
    agree("jaccard_pixels/image", scores.jaccard, jaccard_score(*flat), function="jaccard_score", **about)


def test_empty_images():
    empty, full = np.zeros((4, 4), bool), np.ones((4, 4), bool)
    both = pixel_scores(empty, empty)
    assert math.isnan(both.dice)
    assert math.isnan(both.jaccard)
    assert both.dice_cellvit == 0
    assert pixel_scores(empty, full) == pixel_scores(full, empty) == (0, 0, 0)
    assert pixel_scores(full, full) == (1, 1, 1)


def test_other_shapes_are_refused():
    with pytest.raises(DataError, match="one shape"):
        pixel_scores(np.zeros((4, 4), bool), np.zeros((4, 5), bool))
