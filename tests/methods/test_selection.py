"""Selection: what is kept of a pool, in which order, and what the random arm must not depend on."""

from __future__ import annotations

from typing import NamedTuple, NoReturn

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bench.errors import DataError
from methods.selection import (
    Candidates,
    SelectionArm,
    Selective,
    SelectiveSettings,
    acceptable,
    centroid_distances,
    class_centroids,
    normalised,
    select,
)

RANDOM = SelectionArm(rule="random", ratio=1.0)
CENTROID = SelectionArm(rule="centroid", ratio=1.0)
# the specification's toy: two classes on the axes, four candidates between them
AXES = np.array([[1.0, 0.0], [0.0, 1.0]])
TOY = np.array([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0], [0.6, 0.8]])


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_distances_of_the_toy() -> None:
    distances = centroid_distances(TOY, AXES)
    np.testing.assert_allclose(distances, [[0, 1], [0.2, 0.4], [1, 0], [0.4, 0.2]], atol=1e-9)


def test_target_0_of_the_toy_keeps_the_first_two_in_this_order() -> None:
    distances = centroid_distances(TOY, AXES)
    found = select(CENTROID, distances, np.zeros(4, int), np.array([4, 0]), rng=rng())
    assert found.indices.tolist() == [0, 1]
    assert found.accepted.tolist() == [2, 0]
    assert found.candidates.tolist() == [4, 0]
    assert found.acceptance == 0.5
    # by distance and not by place: the toy backwards
    backwards = select(CENTROID, distances[::-1], np.zeros(4, int), np.array([1, 0]), rng=rng())
    assert backwards.indices.tolist() == [3]


def test_a_tie_between_classes_goes_to_the_lower_class() -> None:
    between = centroid_distances(np.array([[0.7071, 0.7071]] * 2), AXES)
    assert between[0, 0] == between[0, 1]
    assert acceptable(between, np.array([0, 1])).tolist() == [True, False]


def test_equal_distances_keep_the_order_of_the_pool() -> None:
    pool = np.array([[0.8, 0.6], [1.0, 0.0], [0.8, 0.6], [0.8, 0.6], [1.0, 0.0]])
    found = select(CENTROID, centroid_distances(pool, AXES), np.zeros(5, int), np.array([5, 0]), rng=rng())
    assert found.indices.tolist() == [1, 4, 0, 2, 3]


def test_features_count_by_direction_alone() -> None:
    pool = rng().normal(size=(6, 5))
    scaled = pool * np.array([0.1, 1, 3, 10, 100, 1000])[:, None]
    np.testing.assert_allclose(normalised(scaled), normalised(pool), atol=1e-8)
    np.testing.assert_allclose(np.linalg.norm(normalised(pool), axis=1), 1, atol=1e-9)
    assert np.isfinite(normalised(np.zeros((1, 5)))).all()


def test_nearest_centroids_are_scikit_learns() -> None:
    from sklearn.neighbors import NearestCentroid

    draw = rng(3)
    real, labels, pool = draw.normal(size=(60, 8)), np.arange(60) % 4, draw.normal(size=(200, 8))
    real += 0.7 * np.eye(8)[labels]
    centroids = class_centroids(real, labels, 4)
    reference = NearestCentroid().fit(normalised(real), labels)
    np.testing.assert_allclose(centroids, reference.centroids_, atol=1e-12)
    nearest = np.argmin(centroid_distances(pool, centroids), axis=1)
    np.testing.assert_array_equal(nearest, reference.predict(normalised(pool)))


def test_a_class_without_real_images_is_refused() -> None:
    with pytest.raises(DataError, match="every class") as raised:
        class_centroids(np.ones((2, 3)), np.array([0, 2]), 3)
    assert "class 1" in raised.value.got


def test_a_least_confidence_drops_the_unsure_among_the_near() -> None:
    distances, target = centroid_distances(TOY, AXES), np.array([0, 0, 1, 0])
    confidence = np.array([0.4, 0.9, 0.7, 0.95])
    sure = SelectionArm(rule="centroid", ratio=1.0, min_confidence=0.7)
    found = select(sure, distances, target, np.array([2, 2]), rng=rng(), confidence=confidence)
    assert found.indices.tolist() == [1, 2]  # 0 is unsure, 3 is nearer to the other class
    anyway = select(CENTROID, distances, target, np.array([2, 2]), rng=rng(), confidence=confidence)
    assert anyway.indices.tolist() == [0, 1, 2]
    assert sure.title == "centroid 100% p>=0.7"
    assert RANDOM.title == "random 100%"


def test_a_least_confidence_of_nothing_is_refused() -> None:
    distances, target = centroid_distances(TOY, AXES), np.array([0, 0, 1, 0])
    sure = SelectionArm(rule="centroid", ratio=1.0, min_confidence=0.7)
    with pytest.raises(DataError, match=r"min_confidence=0\.7 needs") as raised:
        select(sure, distances, target, np.array([2, 2]), rng=rng())
    assert "min_confidence" in raised.value.fix
    assert len(select(CENTROID, distances, target, np.array([2, 2]), rng=rng()).indices)


@pytest.mark.parametrize("change", [{"rule": "nearest"}, {"ratio": 0}, {"min_confidence": 1.5}, {"quota": 3}])
def test_arms_that_say_nonsense_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        SelectionArm.model_validate({"rule": "centroid", "ratio": 1.0, **change})


class Pool(NamedTuple):
    distances: np.ndarray
    target: np.ndarray
    quota: np.ndarray
    seed: int


@st.composite
def pools(draw: st.DrawFn) -> Pool:
    """Features of a coarse grid, so that ties are common."""
    n_classes, n = draw(st.integers(1, 4)), draw(st.integers(1, 40))
    values = st.integers(-2, 2).map(float)
    grid = draw(st.lists(st.lists(values, min_size=3, max_size=3), min_size=n, max_size=n))
    corners = draw(st.lists(st.lists(values, min_size=3, max_size=3), min_size=n_classes, max_size=n_classes))
    target = draw(st.lists(st.integers(0, n_classes - 1), min_size=n, max_size=n))
    quota = draw(st.lists(st.integers(0, 12), min_size=n_classes, max_size=n_classes))
    distances = centroid_distances(np.array(grid), normalised(np.array(corners)))
    return Pool(distances, np.array(target), np.array(quota), draw(st.integers(0, 9)))


@given(pool=pools())
def test_selected_images_are_near_in_order_and_no_more_than_asked_for(pool: Pool) -> None:
    found = select(CENTROID, pool.distances, pool.target, pool.quota, rng=rng(pool.seed))
    assert len(set(found.indices.tolist())) == len(found.indices)
    near = [min(range(len(pool.quota)), key=row.__getitem__) for row in pool.distances.tolist()]
    assert all(near[index] == pool.target[index] for index in found.indices)
    for label, quota in enumerate(pool.quota.tolist()):
        chosen = [index for index in found.indices.tolist() if pool.target[index] == label]
        candidates = [i for i in range(len(near)) if near[i] == pool.target[i] == label]
        assert len(chosen) == min(quota, len(candidates))
        # ascending, ties by place: exactly the first of the sorted candidates
        assert chosen == sorted(candidates, key=lambda i: (pool.distances[i, label], i))[:quota]
        assert found.accepted[label] == len(candidates)
        assert found.candidates[label] == (pool.target == label).sum()
    again = select(CENTROID, pool.distances, pool.target, pool.quota, rng=rng(pool.seed + 1))
    np.testing.assert_array_equal(again.indices, found.indices)


@given(pool=pools())
def test_random_images_are_of_their_class_and_as_many_as_there_are(pool: Pool) -> None:
    found = select(RANDOM, pool.distances, pool.target, pool.quota, rng=rng(pool.seed))
    assert len(set(found.indices.tolist())) == len(found.indices)
    counts = np.bincount(pool.target[found.indices], minlength=len(pool.quota))
    there = np.bincount(pool.target, minlength=len(pool.quota))
    np.testing.assert_array_equal(counts, np.minimum(pool.quota, there))
    np.testing.assert_array_equal(found.accepted, there)
    assert found.acceptance == 1
    # a seed draws the same images whatever their distances are
    shuffled = rng(1).permutation(pool.distances)
    blind = select(RANDOM, shuffled, pool.target, pool.quota, rng=rng(pool.seed))
    np.testing.assert_array_equal(blind.indices, found.indices)


def test_how_often_an_image_is_drawn_at_random_has_nothing_to_do_with_its_distance() -> None:
    from scipy.stats import spearmanr

    n, draws, quota = 100, 400, 30
    distances = np.stack([np.sort(rng(5).random(n)), np.full(n, 2.0)], axis=1)
    target = np.zeros(n, int)
    drawn = np.zeros(n)
    ranks = []
    for seed in range(draws):
        chosen = select(RANDOM, distances, target, np.array([quota, 0]), rng=rng(seed)).indices
        drawn[chosen] += 1
        ranks.append(spearmanr(np.arange(quota), distances[chosen, 0]).statistic)
    # each image is drawn quota / n of the time: chi-squared of counts, without replacement
    expected = draws * quota / n
    statistic = ((drawn - expected) ** 2 / (expected * (1 - quota / n))).sum() * (n - 1) / n
    assert 60 < statistic < 150  # 99 degrees of freedom: six standard deviations below, four above
    assert abs(spearmanr(drawn, distances[:, 0]).statistic) < 0.4
    assert abs(np.mean(ranks)) < 0.05  # nor does the order in which they come
    near = select(CENTROID, distances, target, np.array([quota, 0]), rng=rng()).indices
    assert near.tolist() == list(range(quota))


class _Drawing(Selective):
    def __init__(self, *arms: SelectionArm) -> None:
        self.config = SelectiveSettings(selection=arms)

    def plan(self, *given: object) -> NoReturn:
        raise AssertionError

    render = plan


def test_a_method_chooses_by_the_centroids_of_real_images() -> None:
    draw = rng(7)
    labels = np.repeat([0, 1, 2], 20)
    real = 4 * np.eye(6)[labels] + draw.normal(size=(60, 6))
    asked = np.tile([0, 1, 2], 60)
    shown = np.where(draw.random(180) < 0.6, asked, (asked + 1) % 3)  # two of five show another class
    pool = 4 * np.eye(6)[shown] + draw.normal(size=(180, 6))
    method = _Drawing(RANDOM, CENTROID)
    assert method.selections == (RANDOM, CENTROID)
    seen = Candidates(real, labels, pool, asked, np.ones(180))
    right = {}
    for arm in method.selections:
        found = method.choose(arm, seen, np.array([20, 20, 20]), rng())
        assert len(found.indices) == 60
        right[arm.rule] = float((shown[found.indices] == asked[found.indices]).mean())
    assert right["centroid"] > 0.95
    assert 0.4 < right["random"] < 0.8
    assert method.choose(CENTROID, seen, np.array([20, 20, 20]), rng()).acceptance == pytest.approx(0.6, abs=0.1)
