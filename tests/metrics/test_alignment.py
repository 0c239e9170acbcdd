"""Alignment: scikit-learn's cosine similarity, and captions that say nothing."""

import numpy as np
import pytest
import torch

from bench.errors import DataError
from metrics.alignment import has_text, shuffled, similarity


def test_equals_scikit_learn_and_skips_empty_captions(agree):
    from sklearn.metrics.pairwise import paired_cosine_distances
    from torchmetrics.functional import pairwise_cosine_similarity

    rng = np.random.default_rng(0)
    images, texts = rng.normal(size=(5, 16)), rng.normal(size=(5, 16))
    texts[3] = 0
    captioned = has_text(["gland", "stroma", "tumour", "  ", "lymphocytes"])
    found = similarity(images, texts, captioned)
    expected = 100 * (1 - paired_cosine_distances(images[captioned], texts[captioned]))
    assert found.per_image[captioned] == pytest.approx(expected)
    about = {"inputs": "4 captioned images of 5, features of 16", "bound": 1e-9}
    function = "paired_cosine_distances"
    agree("clip_similarity", found.value, expected.mean(), reference="scikit-learn", function=function, **about)
    pair = (torch.from_numpy(rows[captioned]) for rows in (images, texts))
    theirs = 100 * float(pairwise_cosine_similarity(*pair).diagonal().mean())
    function = "pairwise_cosine_similarity"
    agree("clip_similarity", found.value, theirs, reference="torchmetrics", function=function, **about)
    assert (found.n, found.n_skipped) == (4, 1)
    assert np.isnan(found.per_image[3])


def test_own_captions_beat_shuffled_ones():
    texts = np.random.default_rng(1).normal(size=(50, 16))
    images = texts + np.random.default_rng(2).normal(size=(50, 16))
    everyone = np.ones(50, dtype=bool)
    assert similarity(images, texts, everyone).value > 30 + similarity(images, texts[::-1], everyone).value


def test_no_caption_at_all():
    found = similarity(np.ones((2, 3)), np.ones((2, 3)), has_text([None, ""]))
    assert np.isnan(found.value)
    assert found.n_skipped == 2


def test_refuses():
    everyone = np.ones(2, dtype=bool)
    with pytest.raises(DataError, match="one caption"):
        similarity(np.ones((2, 3)), np.ones((2, 4)), everyone)
    with pytest.raises(DataError, match="other than 0"):
        similarity(np.ones((2, 3)), np.zeros((2, 3)), everyone)


def test_shuffled_captions_are_permuted_and_never_equal():
    captions = ["a"] * 4 + ["b"] * 3 + ["c", "d"]
    for seed in range(20):
        given = shuffled(captions, np.random.default_rng(seed))
        assert sorted(given) == list(range(9))
        assert all(captions[other] != captions[index] for index, other in enumerate(given))
    assert not np.array_equal(given, shuffled(captions, np.random.default_rng(0)))


def test_a_caption_of_most_images_is_left_out_where_it_must():
    given = shuffled(["a", "a", "a", "b"], np.random.default_rng(0))
    assert sorted(given)[:2] == [-1, -1]
    assert given[3] in (0, 1, 2)
    assert (shuffled(["a", "a"], np.random.default_rng(0)) == -1).all()
