"""Agreement of foregrounds: scikit-learn, and what empty images count."""

import math

import numpy as np
import pytest
from sklearn.metrics import f1_score, jaccard_score

from bench.errors import DataError
from metrics.pixels import pixel_scores


@pytest.mark.parametrize("seed", range(3))
def test_equals_scikit_learn(seed):
    true, pred = np.random.default_rng(seed).random((2, 17, 23)) < 0.3
    scores = pixel_scores(true, pred)
    assert scores.dice == scores.dice_cellvit == pytest.approx(f1_score(true.ravel(), pred.ravel()), abs=1e-12)
    assert scores.jaccard == pytest.approx(jaccard_score(true.ravel(), pred.ravel()), abs=1e-12)


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
