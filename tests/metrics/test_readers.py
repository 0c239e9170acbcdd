"""Numbers over readers and images: intervals for these readers and for others cover what they say."""

import numpy as np
import pytest

from metrics.groups import mean_statistics
from metrics.readers import BALANCED, balanced_statistics, of_readers


def answers(rng: np.random.Generator, readers: int, images: int, of_readers: float = 0.5) -> np.ndarray:
    """Return correct answers of readers who differ in skill, to images that differ in difficulty."""
    skill = rng.normal(0.6, of_readers, (readers, 1))
    ease = rng.normal(0, 0.8, (1, images))
    return (rng.random((readers, images)) < 1 / (1 + np.exp(-skill - ease))).astype(float)


def truth(rng: np.random.Generator) -> float:
    return float(answers(rng, 2000, 2000).mean())


def test_intervals_for_other_readers_cover_the_mean_of_all():
    rng, inside = np.random.default_rng(3), 0
    expected = truth(rng)
    for _ in range(200):
        found = of_readers(mean_statistics(answers(rng, 6, 50)), np.arange(50)).others
        inside += found.low <= expected <= found.high
    assert 0.91 <= inside / 200 <= 0.99


def test_intervals_for_these_readers_cover_their_mean_over_all_images():
    rng, inside = np.random.default_rng(4), 0
    for _ in range(200):
        skill = rng.normal(0.6, 0.5, (3, 1))
        ease = rng.normal(0, 0.8, (1, 4000))
        p = 1 / (1 + np.exp(-skill - ease))
        given = (rng.random((3, 50)) < p[:, :50]).astype(float)
        found = of_readers(mean_statistics(given), np.arange(50)).these
        inside += found.low <= p.mean() <= found.high
    assert 0.91 <= inside / 200 <= 0.99


def test_other_readers_are_less_certain_than_these():
    found = of_readers(mean_statistics(answers(np.random.default_rng(0), 4, 60, of_readers=2.0)), np.arange(60))
    assert found.others.value == pytest.approx(found.these.value)
    assert found.others.high - found.others.low > 1.5 * (found.these.high - found.these.low)
    assert found.widest is found.others


def test_one_reader_says_nothing_about_others():
    found = of_readers(mean_statistics(answers(np.random.default_rng(0), 1, 60)), np.arange(60), chance=0.5)
    assert np.isnan(found.others.low)
    assert "2 readers" in found.others.reason
    assert np.isnan(found.p_others)
    assert found.widest is found.these


def test_p_values_are_uniform_by_chance_and_small_otherwise():
    rng = np.random.default_rng(1)
    p = [
        of_readers(mean_statistics(rng.integers(0, 2, (3, 40)).astype(float)), np.arange(40), chance=0.5).p_these
        for _ in range(200)
    ]
    assert 0.01 <= np.mean(np.array(p) < 0.05) <= 0.09
    sure = (rng.random((3, 40)) < 0.9).astype(float)
    assert of_readers(mean_statistics(sure), np.arange(40), chance=0.5).p_these < 1e-6


def test_answers_that_were_not_given_do_not_count():
    given = answers(np.random.default_rng(2), 3, 30)
    partial = given.copy()
    partial[2, 10:] = np.nan
    found = of_readers(mean_statistics(partial), np.arange(30))
    assert found.these.value == pytest.approx(np.nanmean(partial))


def test_balanced_accuracy_is_the_mean_of_two_shares():
    given = answers(np.random.default_rng(6), 2, 30)
    kind = np.arange(30) < 6
    found = of_readers(balanced_statistics(given, kind), np.arange(30), BALANCED)
    assert found.these.value == pytest.approx((given[:, kind].mean() + given[:, ~kind].mean()) / 2)


@pytest.mark.parametrize("right", [0.0, 1.0])
def test_answers_that_do_not_vary_have_the_p_value_of_their_interval(right):
    found = of_readers(mean_statistics(np.full((3, 20), right)), np.arange(20), chance=0.5)
    assert 0 < found.p_these < 1e-3
    assert np.abs(np.array([found.these.low, found.these.high]) - 0.5).min() > 0
    few = of_readers(mean_statistics(np.full((3, 2), right)), np.arange(2), chance=0.5)
    assert (few.p_these > 0.05) == (few.these.low <= 0.5 <= few.these.high)
    certain = of_readers(mean_statistics(np.full((1, 20), right)), np.arange(20), chance=right)
    assert certain.p_these == 1.0
