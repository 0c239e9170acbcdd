"""Cross-validated arms: the parts of the interval against closed forms, and coverage in simulations."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from bench.errors import DataError
from metrics.folds import Fold, corrected_resampled_t, cross_validated, cross_validated_difference
from metrics.instances import pooled_pq
from metrics.uncertainty import arm_interval, mean_of, mean_statistics


def generator(seed=0):
    return np.random.default_rng(seed)


def fold(values, number=0, images=1):
    """A fold of `values[seeds, images]`, `images` a slide; slides of other numbers are other slides."""
    values = np.atleast_2d(values)
    groups = [f"fold {number} slide {i // images}" for i in range(values.shape[1])]
    return Fold(mean_statistics(values), groups, str(number))


def simulated(rng, *, n_folds=5, n_seeds=3, n_groups=6, images=4, fold_sd=0.0, correlation=0.0, seed_sd=0.3, shift=0.0):
    """Folds whose true value is `shift`: training sets, seeds, slides and images each move a value."""
    common, own = rng.normal(), rng.normal(size=n_folds)
    training = fold_sd * (np.sqrt(correlation) * common + np.sqrt(1 - correlation) * own)
    made = []
    for k in range(n_folds):
        seeds, slides = seed_sd * rng.normal(size=(n_seeds, 1, 1)), rng.normal(size=(1, n_groups, 1))
        values = shift + training[k] + seeds + slides + 0.3 * rng.normal(size=(n_seeds, n_groups, images))
        made.append(fold(values.reshape(n_seeds, -1), k, images))
    return made


def pooled_half_width(folds):
    """The naive interval: every image of every fold is an independent image."""
    images = np.concatenate([one.statistics[..., 0].mean(axis=0) for one in folds])
    return stats.t.ppf(0.975, len(images) - 1) * stats.sem(images)


@pytest.mark.parametrize(
    "model",
    [
        {},
        {"fold_sd": 0.5, "correlation": 0.2},
        {"fold_sd": 0.5, "correlation": 0.2, "n_seeds": 1},
        {"fold_sd": 0.5, "correlation": 0.1, "n_folds": 10, "n_groups": 3, "images": 2},
    ],
    ids=["slides and seeds", "and training sets", "one seed a fold", "ten small folds"],
)
def test_covers_the_truth_where_pooled_images_do_not(model):
    covered = pooled = 0
    for seed in range(150):
        rng = generator(seed)
        folds = simulated(rng, **model)
        found = cross_validated(folds, mean_of, rng=rng, n_resamples=300)
        covered += found.low <= 0 <= found.high
        pooled += abs(found.value) <= pooled_half_width(folds)
    assert covered >= 0.91 * 150
    assert pooled <= 0.7 * 150


def test_differences_without_effect_are_found_significant_in_few():
    significant = pooled = 0
    for seed in range(150):
        rng = generator(seed)
        shared = simulated(rng, n_seeds=1, seed_sd=0)
        arms = []
        for _ in range(2):
            own = simulated(rng, fold_sd=0.2, correlation=0.2, seed_sd=0.2)
            arms.append(
                [
                    fold(0.3 * one.statistics[..., 0] + two.statistics[..., 0], k, 4)
                    for k, (one, two) in enumerate(zip(own, shared, strict=True))
                ]
            )
        found = cross_validated_difference(*arms, mean_of, rng=rng, n_resamples=300)
        significant += found.p_value < 0.05
        assert (found.p_value < 0.05) == (found.low > 0 or found.high < 0)
        paired = [
            Fold(a.statistics[:1] * [1, 1] - b.statistics[:1] * [1, 0], a.groups) for a, b in zip(*arms, strict=True)
        ]
        pooled += abs(np.mean([one.statistics[..., 0].mean() for one in paired])) > pooled_half_width(paired)
    assert significant <= 0.09 * 150
    assert pooled >= 0.2 * 150


def test_what_all_folds_share_is_free_of_the_spread_over_folds():
    rng = generator(1)
    images = rng.normal(size=(4, 60))
    images -= images.mean(axis=1, keepdims=True)
    found = cross_validated([fold(one, k) for k, one in enumerate(images)], mean_of, rng=generator(), n_resamples=9999)
    # equal folds: a stratified sample of 240 slides
    se = np.sqrt(sum(one.var(ddof=1) / 60 for one in images)) / 4
    assert found.se == pytest.approx(se, rel=0.03)
    assert found.high - found.low == pytest.approx(2 * stats.t.ppf(0.975, 236) * se, rel=0.05)
    assert (found.method, found.n_groups, found.n_folds, found.n_seeds) == ("groups+folds", 240, 4, 1)


def test_spread_over_seeds_is_that_within_folds():
    shifts = np.array([[-0.3, 0.0, 0.3], [0.1, 0.2, 0.0], [0.5, 0.2, -0.7]])
    images = generator(2).normal(size=40)
    images -= images.mean()
    plain = cross_validated([fold(images, k) for k in range(3)], mean_of, rng=generator())
    seeds = [fold(images + shift[:, None] - shift.mean(), k) for k, shift in enumerate(shifts)]
    found = cross_validated(seeds, mean_of, rng=generator())
    part = stats.t.ppf(0.975, 6) * np.sqrt(sum(shift.var(ddof=1) / 3 for shift in shifts)) / 3
    assert found.high - found.value == pytest.approx(np.hypot(plain.high - plain.value, part))
    assert (found.method, found.n_seeds) == ("groups+seeds+folds", 3)


def test_folds_that_differ_by_more_than_their_slides_widen_the_interval():
    values = np.array([0.2, 0.5, 0.8, 0.9])
    tight = generator(3).normal(0, 1e-6, size=(4, 10))
    tight -= tight.mean(axis=1, keepdims=True)
    found = cross_validated(
        [fold(v + one, k) for k, (v, one) in enumerate(zip(values, tight, strict=True))], mean_of, rng=generator()
    )
    corrected = corrected_resampled_t(values)
    assert found.value == pytest.approx(values.mean())
    assert (found.low, found.high) == pytest.approx((corrected.low, corrected.high), abs=1e-5)
    again = cross_validated(
        [fold(v + one, k) for k, (v, one) in enumerate(zip(values, tight, strict=True))],
        mean_of,
        rng=generator(),
        test_share=0.0,
    )
    assert again.se == pytest.approx(values.std(ddof=1) / 2, abs=1e-6)


def test_corrected_t_is_the_t_test_where_nothing_overlaps():
    values = [0.1, 0.3, -0.1, 0.4, 0.2]
    found = corrected_resampled_t(values, test_share=0.0)
    theirs = stats.ttest_1samp(values, 0)
    assert (found.low, found.high) == pytest.approx(tuple(theirs.confidence_interval()))
    assert found.p_value == pytest.approx(theirs.pvalue)
    corrected = corrected_resampled_t(values)
    assert corrected.se / found.se == pytest.approx(np.sqrt((1 / 5 + 1 / 4) / (1 / 5)))
    assert corrected.p_value > found.p_value


def test_folds_count_alike_whatever_their_number_of_images():
    rng = generator(4)
    small, large = rng.random((6, 4)), rng.random((300, 4))
    found = cross_validated(
        [Fold(small[None], [f"a{i}" for i in range(6)]), Fold(large[None], [f"b{i}" for i in range(300)])],
        pooled_pq,
        rng=rng,
    )
    assert found.value == pytest.approx((pooled_pq(small.sum(axis=0)) + pooled_pq(large.sum(axis=0))) / 2)


def test_a_small_fold_has_degrees_of_freedom_of_its_own():
    rng = generator(5)
    two, many = np.array([-1.0, 1.0]), rng.normal(0, 1e-6, 50)
    found = cross_validated([fold(two, 0), fold(many - many.mean(), 1)], mean_of, rng=generator(), n_resamples=9999)
    assert found.se == pytest.approx(0.5, rel=0.03)  # √(s² / 2) / 2 with s² = 2
    assert found.high > 0.5 * stats.t.ppf(0.975, 1) / 1.96


@settings(max_examples=20)
@given(st.integers(1, 3), st.floats(-1, 1))
def test_differences_change_sign_with_the_arms(n_seeds, shift):
    rng = generator(6)
    a, b = simulated(rng, n_seeds=n_seeds, shift=shift), simulated(rng, n_seeds=2)
    one = cross_validated_difference(a, b, mean_of, rng=generator(), n_resamples=300)
    other = cross_validated_difference(b, a, mean_of, rng=generator(), n_resamples=300)
    assert (other.value, other.low, other.high) == pytest.approx((-one.value, -one.high, -one.low))
    assert other.p_value == pytest.approx(one.p_value)


def test_pairing_removes_what_arms_share():
    rng = generator(7)
    shared = [rng.normal(0, 5, size=(1, 12)) for _ in range(4)]
    a, b = ([fold(one + shift + rng.normal(0, 0.1, (3, 12)), k) for k, one in enumerate(shared)] for shift in (0.4, 0))
    paired = cross_validated_difference(a, b, mean_of, rng=generator())
    alone = cross_validated(a, mean_of, rng=generator())
    assert paired.p_value < 0.01
    assert paired.high - paired.low < (alone.high - alone.low) / 5


def test_one_fold_of_all_images_would_be_an_arm():
    """A stratum drawn on its own never leaves it; drawn together, strata that differ widen the interval."""
    values = np.concatenate([np.full(20, 0.1), np.full(20, 0.9)]) + generator(8).normal(0, 0.01, 40)
    folds = [fold(values[:20] + 0.8, 0), fold(values[20:], 1)]
    within = cross_validated(folds, mean_of, rng=generator(), test_share=0.0)
    together = arm_interval(mean_statistics(values)[None], np.arange(40), mean_of, rng=generator())
    assert within.se < together.se / 10


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ([[0.1, 0.2], [np.nan, np.nan]], "undefined in fold 1"),
        ([[0.1, 0.2], [0.3]], "groups of fold 1 cannot be resampled: 1 of at least 2"),
    ],
)
def test_no_interval_comes_with_a_reason(values, reason):
    folds = [fold(one, k) for k, one in enumerate(values)]
    found = cross_validated(folds, mean_of, rng=generator())
    assert reason in found.reason
    assert np.isnan([found.low, found.high, found.se]).all()
    difference = cross_validated_difference(folds, folds, mean_of, rng=generator())
    assert reason in difference.reason
    assert np.isnan(difference.p_value)


def test_equal_arms_differ_by_nothing():
    folds = simulated(generator(9), n_seeds=1)
    found = cross_validated_difference(folds, folds, mean_of, rng=generator())
    assert (found.value, found.low, found.high, found.p_value) == (0, 0, 0, 1)


def test_refuses():
    one, two = fold([0.1, 0.2], 0), fold([0.3, 0.4, 0.5], 1)
    with pytest.raises(DataError, match="at least two folds"):
        cross_validated([one], mean_of, rng=generator())
    with pytest.raises(DataError, match="test on the same slides"):
        cross_validated([one, one], mean_of, rng=generator())
    with pytest.raises(DataError, match="same images of the same folds"):
        cross_validated_difference([one, two], [two, one], mean_of, rng=generator())
    with pytest.raises(DataError, match="same images of the same folds"):
        cross_validated_difference([one, two], [one], mean_of, rng=generator())
    with pytest.raises(DataError, match="at least two folds"):
        corrected_resampled_t([0.1])
    with pytest.raises(DataError, match="finite difference"):
        corrected_resampled_t([0.1, float("nan")])
