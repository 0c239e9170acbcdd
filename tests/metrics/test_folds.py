"""Cross-validated arms: the sources of the interval against closed forms; tests/statistics has its coverage."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from bench.errors import DataError
from metrics.folds import corrected_resampled_t, cross_validated, cross_validated_difference
from metrics.groups import MEAN, Statistic, mean_statistics
from metrics.instances import pooled_pq, pooled_weight
from metrics.jackknife import Jackknife
from metrics.uncertainty import arm_interval


def generator(seed=0):
    return np.random.default_rng(seed)


def fold(values, number=0, images=1):
    """A fold of `values[seeds, images]`, `images` a slide; slides of other numbers are other slides."""
    values = np.atleast_2d(values)
    groups = [f"fold {number} slide {i // images}" for i in range(values.shape[1])]
    return Jackknife.of(mean_statistics(values), groups, MEAN)


def simulated(rng, *, n_folds=5, n_seeds=3, n_groups=6, images=4, seed_sd=0.3, shift=0.0):
    """Folds whose true value is `shift`: seeds, slides and images each move a value."""
    made = []
    for k in range(n_folds):
        seeds, slides = seed_sd * rng.normal(size=(n_seeds, 1, 1)), rng.normal(size=(1, n_groups, 1))
        values = shift + seeds + slides + 0.3 * rng.normal(size=(n_seeds, n_groups, images))
        made.append(fold(values.reshape(n_seeds, -1), k, images))
    return made


def test_what_all_folds_share_is_free_of_the_spread_over_folds():
    rng = generator(1)
    images = rng.normal(size=(4, 60))
    images -= images.mean(axis=1, keepdims=True)
    found = cross_validated([fold(one, k) for k, one in enumerate(images)])
    # equal folds: a stratified sample of 240 slides
    variances = np.array([one.var(ddof=1) / 60 for one in images])
    dof = variances.sum() ** 2 / (variances**2 / 59).sum()
    assert found.se == pytest.approx(np.sqrt(variances.sum()) / 4)
    assert found.high - found.low == pytest.approx(2 * stats.t.ppf(0.975, dof) * found.se)
    assert (found.method, found.n_groups, found.n_folds, found.n_seeds) == ("groups+folds", 240, 4, 1)
    assert found.n_effective == pytest.approx(240)


def test_spread_over_seeds_is_that_within_folds():
    shifts = np.array([[-0.3, 0.0, 0.3], [0.1, 0.2, 0.0], [0.5, 0.2, -0.7]])
    images = generator(2).normal(size=40)
    images -= images.mean()
    plain = cross_validated([fold(images, k) for k in range(3)])
    found = cross_validated([fold(images + shift[:, None] - shift.mean(), k) for k, shift in enumerate(shifts)])
    seeds = sum(shift.var(ddof=1) / 3 for shift in shifts) / 9
    assert found.se == pytest.approx(np.sqrt(plain.se**2 + seeds))
    assert found.dof == pytest.approx(found.se**4 / (plain.se**4 / plain.dof + seeds**2 / 6))
    assert (found.method, found.n_seeds) == ("groups+seeds+folds", 3)


def test_folds_that_differ_by_more_than_their_slides_widen_the_interval():
    values = np.array([0.2, 0.5, 0.8, 0.9])
    tight = generator(3).normal(0, 1e-6, size=(4, 10))
    tight -= tight.mean(axis=1, keepdims=True)
    folds = [fold(v + one, k) for k, (v, one) in enumerate(zip(values, tight, strict=True))]
    found, corrected = cross_validated(folds), corrected_resampled_t(values)
    assert found.value == pytest.approx(values.mean())
    assert (found.low, found.high) == pytest.approx((corrected.low, corrected.high), abs=1e-5)
    assert cross_validated(folds, test_share=0.0).se == pytest.approx(values.std(ddof=1) / 2, abs=1e-6)
    within = cross_validated(folds, bounds=(0.0, 1.0))
    assert 0 < within.low < within.high < 1 < found.high


def test_corrected_t_is_the_t_interval_where_nothing_overlaps():
    values = [0.1, 0.3, -0.1, 0.4, 0.2]
    found = corrected_resampled_t(values, test_share=0.0)
    assert (found.low, found.high) == pytest.approx(tuple(stats.ttest_1samp(values, 0).confidence_interval()))
    assert corrected_resampled_t(values).se / found.se == pytest.approx(np.sqrt((1 / 5 + 1 / 4) / (1 / 5)))


def test_folds_count_alike_whatever_their_number_of_images():
    rng, statistic = generator(4), Statistic(pooled_pq, lambda sums: pooled_weight(sums)[..., None])
    small, large = rng.random((6, 4)), rng.random((300, 4))
    folds = [
        Jackknife.of(images[None], [f"{name}{i}" for i in range(len(images))], statistic)
        for name, images in (("a", small), ("b", large))
    ]
    expected = (pooled_pq(small.sum(axis=0)) + pooled_pq(large.sum(axis=0))) / 2
    assert cross_validated(folds).value == pytest.approx(expected)


def test_a_small_fold_has_degrees_of_freedom_of_its_own():
    two, many = np.array([-1.0, 1.0]), generator(5).normal(0, 1e-6, 50)
    found = cross_validated([fold(two, 0), fold(many - many.mean(), 1)])
    assert found.se == pytest.approx(0.5)  # √(s² / 2) / 2 with s² = 2
    assert found.high == pytest.approx(0.5 * stats.t.ppf(0.975, 1), rel=1e-3)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 3), st.floats(-1, 1))
def test_differences_change_sign_with_the_arms(n_seeds, shift):
    rng = generator(6)
    a, b = simulated(rng, n_seeds=n_seeds, shift=shift), simulated(rng, n_seeds=2)
    one, other = cross_validated_difference(a, b), cross_validated_difference(b, a)
    assert (other.value, other.low, other.high) == pytest.approx((-one.value, -one.high, -one.low))
    assert other.p_value == pytest.approx(one.p_value)
    assert (one.p_value < 0.05) == (one.low > 0 or one.high < 0)


def test_pairing_removes_what_arms_share():
    rng = generator(7)
    shared = [rng.normal(0, 5, size=(1, 12)) for _ in range(4)]
    a, b = ([fold(one + shift + rng.normal(0, 0.1, (3, 12)), k) for k, one in enumerate(shared)] for shift in (0.4, 0))
    paired, alone = cross_validated_difference(a, b), cross_validated(a)
    assert paired.p_value < 0.01
    assert paired.high - paired.low < (alone.high - alone.low) / 5


def test_one_fold_of_all_images_would_be_an_arm():
    """Strata that differ do not widen the interval; drawn together, they do."""
    values = np.concatenate([np.full(20, 0.1), np.full(20, 0.9)]) + generator(8).normal(0, 0.01, 40)
    within = cross_validated([fold(values[:20] + 0.8, 0), fold(values[20:], 1)], test_share=0.0)
    assert within.se < arm_interval(fold(values)).se / 10


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ([[0.1, 0.2], [np.nan, np.nan]], "fold 2/2: the metric is undefined"),
        ([[0.1, 0.2], [0.3]], "fold 2/2: no interval: it needs at least 2 groups"),
        ([[0.1, 0.1], [0.1, 0.1]], "same value"),
    ],
)
def test_no_interval_comes_with_a_reason(values, reason):
    folds = [fold(one, k) for k, one in enumerate(values)]
    found = cross_validated(folds)
    assert reason in found.reason
    assert np.isnan([found.low, found.high, found.se]).all()
    assert np.isnan(cross_validated_difference(folds, folds).p_value)


def test_equal_arms_differ_by_nothing_and_have_no_interval():
    folds = simulated(generator(9), n_seeds=1)
    found = cross_validated_difference(folds, folds)
    assert found.value == 0
    assert np.isnan([found.low, found.high, found.p_value]).all()
    assert found.reason


def test_refuses():
    one, two = fold([0.1, 0.2], 0), fold([0.3, 0.4, 0.5], 1)
    with pytest.raises(DataError, match="at least two folds"):
        cross_validated([one])
    with pytest.raises(DataError, match="test on the same slides"):
        cross_validated([one, one])
    with pytest.raises(DataError, match="same groups of the same folds"):
        cross_validated_difference([one, two], [two, one])
    with pytest.raises(DataError, match="same groups of the same folds"):
        cross_validated_difference([one, two], [one])
    with pytest.raises(DataError, match="at least two folds"):
        corrected_resampled_t([0.1])
    with pytest.raises(DataError, match="finite number"):
        corrected_resampled_t([0.1, float("nan")])
