"""Does a synthetic set show images of the test split? Copies among its images, and the nearness of the whole set."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import combinations
from math import comb
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int64

from metrics.features import check_features
from metrics.nearest_neighbours import nearest
from metrics.window_search import SAME

MARGIN = 0.15
"""By how much more an image must be like a test window than like every training window.

Images with little detail, such as one nucleus on plain ground, resemble windows of both splits alike.
"""
_ORDERS = 9999


def are_copies(in_test: Float[np.ndarray, " n"], in_train: Float[np.ndarray, " n"]) -> Bool[np.ndarray, " n"]:
    """Return which images show a window of the test split that no window of the training split resembles as much.

    Args:
        in_test: correlation of each image with its window in the test split; see `metrics.window_search`.
        in_train: the same for the training split, from which a generator may copy.

    >>> np.flatnonzero(are_copies(np.array([0.3, 0.95, 0.9]), np.array([0.1, 0.2, 0.97]))).tolist()
    [1]
    """
    return np.asarray((in_test >= SAME) & (in_train <= in_test - MARGIN))


def copied_share(in_test: Float[np.ndarray, " n"], in_train: Float[np.ndarray, " n"]) -> float:
    """Return the share of images that show the test split, in [0, 1]: 0 for an honest set, 1 for test images only.

    Raises:
        ZeroDivisionError: there are no images.

    >>> copied_share(np.array([0.95, 0.3, 0.9, 0.2]), np.array([0.2, 0.1, 0.97, 0.1]))
    0.25
    """
    return int(are_copies(in_test, in_train).sum()) / len(in_test)


class Nearness(NamedTuple):
    """How much nearer a set is to test slides than to training slides, and whether chance explains it.

    `value` in [0, 1] is the rate at which a test patch is the nearest real patch of a synthetic image, divided by the
    sum of this rate and that of training patches: 0.5 for images that know neither split, less for a generator that
    learnt the training split. `p` is the probability of as many by chance, `n` the number of different images.
    """

    value: float
    p: float
    n: int


def nearness_to_test(
    synthetic: Float[np.ndarray, "m d"],
    train: Float[np.ndarray, "n d"],
    test: Float[np.ndarray, "t d"],
    train_groups: Sequence[str],
    test_groups: Sequence[str],
    rng: np.random.Generator,
    *,
    alpha: float,
) -> Nearness | None:
    """Return how much nearer a set is to test slides than to training slides; None for too few slides.

    Every slide has equally many patches. If the set knows neither split, test and training slides can be exchanged, so
    `p` is the share of divisions of all slides in two parts of these sizes that give test slides as many nearest
    patches or more (10,000 random divisions where there are more than that). A set that learnt the training split has
    a larger p. Slides are too few if no division can have a share of `alpha` or less.

    Args:
        synthetic: features of the set's images; equal ones count once.
        train: features of training patches.
        test: features of test patches.
        train_groups: slide of each training patch.
        test_groups: slide of each test patch.
        rng: chooses patches, and divisions.
        alpha: the p-value at which the set is to be found near.

    Raises:
        DataError: the features are invalid.

    >>> rng = np.random.default_rng(0)
    >>> real, slides = rng.normal(size=(60, 4)), [str(i % 6) for i in range(60)]
    >>> nearness_to_test(real + 0.01, real + 2, real, slides, slides, rng, alpha=0.005)
    Nearness(value=1.0, p=0.0010822510822510823, n=60)
    """
    made = np.unique(check_features(synthetic, "synthetic"), axis=0)
    slides = [_by_slide(values, groups) for values, groups in ((train, train_groups), (test, test_groups))]
    n_train, n_test = (len(of_split) for of_split in slides)
    if not n_train or not n_test or 1 / comb(n_train + n_test, n_test) > alpha:
        return None
    patches = [*slides[0], *slides[1]]
    size = min(len(one) for one in patches)
    chosen = [one[np.sort(rng.permutation(len(one))[:size])] for one in patches]
    index, _ = nearest(made, np.concatenate(chosen))
    hits = np.bincount(index // size, minlength=len(patches))
    rates = hits[n_train:].mean(), hits[:n_train].mean()
    return Nearness(float(rates[0] / sum(rates)), _share_of_divisions(hits, n_test, rng), len(made))


def _by_slide(values: Float[np.ndarray, "n d"], groups: Sequence[str]) -> list[np.ndarray]:
    slides = np.array(groups)
    return [values[slides == slide] for slide in np.unique(slides)]


def _share_of_divisions(hits: np.ndarray, n_test: int, rng: np.random.Generator) -> float:
    """Return the share of choices of `n_test` slides that have as many hits as the last ones, which are the test's."""
    observed = hits[-n_test:].sum()
    if comb(len(hits), n_test) <= _ORDERS:
        return float((hits[_choices(len(hits), n_test)].sum(axis=1) >= observed).mean())
    sums = rng.permuted(np.tile(hits, (_ORDERS, 1)), axis=1)[:, :n_test].sum(axis=1)
    return float((1 + (sums >= observed).sum()) / (1 + _ORDERS))


@cache
def _choices(n: int, k: int) -> Int64[np.ndarray, "c k"]:
    return np.array(list(combinations(range(n), k)), np.int64)
