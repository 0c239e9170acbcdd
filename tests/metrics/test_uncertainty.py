"""Intervals and p-values against scipy and closed forms; their coverage is tested in tests/statistics."""

import subprocess
import sys
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from bench.errors import DataError
from metrics.classification import accuracy
from metrics.groups import MEAN, Statistic, group_sums, mean_of, mean_statistics
from metrics.instances import pooled_pq, pooled_weight
from metrics.jackknife import Jackknife, effective_number
from metrics.uncertainty import arm_interval, holm, paired_difference, spread_over_seeds

UNIT = (0.0, 1.0)
PQ = Statistic(pooled_pq, lambda sums: pooled_weight(sums)[..., None])


def generator(seed=0):
    return np.random.default_rng(seed)


def arm(values, groups=None):
    """An arm whose number is the mean of values [seeds, images] or [seeds, generations, images]."""
    values = np.atleast_2d(values)
    return Jackknife.of(mean_statistics(values), np.arange(values.shape[-1]) if groups is None else groups, MEAN)


def test_mean_leaves_undefined_images_out():
    values = np.array([0.2, np.nan, 0.6])
    assert mean_of(mean_statistics(values).sum(axis=0)) == pytest.approx(np.nanmean(values))
    assert np.isnan(mean_of(mean_statistics(np.array([np.nan])).sum(axis=0)))


def test_group_sums_equal_a_loop():
    rng = generator()
    statistics, groups = rng.normal(size=(3, 20, 4)), rng.choice(list("cab"), 20)
    expected = np.stack([statistics[:, groups == g].sum(axis=1) for g in "abc"], axis=1)
    assert group_sums(statistics, groups) == pytest.approx(expected)


def test_influences_equal_a_loop_that_leaves_groups_out():
    rng = generator(1)
    statistics, groups = rng.random((2, 20, 4)), rng.choice(list("cab"), 20)
    found = Jackknife.of(statistics, groups, PQ)
    for place, group in enumerate("abc"):
        without = statistics[:, groups != group].sum(axis=1)
        assert found.influences[:, place] == pytest.approx(pooled_pq(statistics.sum(axis=1)) - pooled_pq(without))
        inside = pooled_weight(statistics[:, groups == group].sum(axis=1))
        assert found.shares[:, place] == pytest.approx(inside / pooled_weight(statistics.sum(axis=1)))


@pytest.mark.parametrize("n", [2, 5, 400])
def test_equals_students_interval_for_groups_of_one_size(n):
    values = generator(2).gamma(2.0, size=n)
    found, theirs = arm_interval(arm(values)), stats.ttest_1samp(values, 0).confidence_interval()
    assert (found.low, found.high) == pytest.approx(tuple(theirs))
    assert (found.se, found.dof, found.n_effective) == pytest.approx((stats.sem(values), n - 1, n))
    assert (found.value, found.method, found.n_groups) == (pytest.approx(values.mean()), "groups", n)


def test_a_ratio_has_the_cluster_robust_variance_of_its_regression():
    """The pooled ratio Σn / Σd is the weighted mean of n / d, whose CR2 variance is a sandwich."""
    rng = generator(3)
    d = rng.integers(1, 40, 8).astype(float)
    n = d * rng.random(8)
    found = arm_interval(Jackknife.of(np.stack([n, d], axis=1)[None], np.arange(8), MEAN))
    ratio, h = n.sum() / d.sum(), d / d.sum()
    assert found.se == pytest.approx(np.sqrt((((n - ratio * d) / d.sum()) ** 2 / (1 - h)).sum()))
    assert found.n_effective == pytest.approx(d.sum() ** 2 / (d**2).sum())
    assert found.high - found.value == pytest.approx(stats.t.ppf(0.975, found.n_effective - 1) * found.se)


def test_repeated_images_of_a_group_do_not_narrow_the_interval():
    values, groups = generator(4).normal(size=12), np.arange(12)
    once, tenfold = arm_interval(arm(values)), arm_interval(arm(np.repeat(values, 10), np.repeat(groups, 10)))
    assert (tenfold.low, tenfold.high) == pytest.approx((once.low, once.high))


def test_order_of_images_and_names_of_groups_do_not_matter():
    rng = generator(5)
    values, groups = rng.normal(size=40), np.repeat(np.arange(8), 5)
    order = rng.permutation(40)
    first = arm_interval(arm(values, groups))
    second = arm_interval(arm(values[order], np.array([f"slide {g}" for g in groups[order]])))
    assert (second.low, second.high) == pytest.approx((first.low, first.high))


def test_bounds_do_not_leave_the_range_and_are_longer_towards_the_middle():
    found = arm_interval(arm([0.9, 0.99, 0.95, 0.4, 0.93]), bounds=UNIT)
    assert 0 < found.low < found.high < 1
    assert found.value - found.low > found.high - found.value
    free = arm_interval(arm([0.9, 0.99, 0.95, 0.4, 0.93]))
    assert free.high > 1
    assert arm_interval(arm([0.1, 9.0, 1.0, 0.5]), bounds=(0.0, None)).low == 0


def test_what_does_not_vary_has_no_interval_of_width_zero():
    found = arm_interval(arm(np.full(6, 0.3)), bounds=UNIT)
    assert np.isnan([found.low, found.high]).all()
    assert "same value" in found.reason
    # a class that is never predicted: in 14 groups, the truth may be as high as 1 - .025^(1 / 14)
    never = arm_interval(arm(np.zeros(14)), bounds=UNIT)
    assert (never.value, never.low, never.high) == (0, 0, pytest.approx(1 - 0.025 ** (1 / 14)))
    always = arm_interval(arm(np.ones((3, 14))), bounds=UNIT)
    assert (always.low, always.high) == (pytest.approx(0.025 ** (1 / 14)), 1)


def test_a_class_in_one_group_of_five_has_a_reason():
    sums = np.array([[8.0, 10], [0, 0], [0, 0], [0, 0], [0, 0]])
    found = arm_interval(Jackknife.of(sums[None], np.arange(5), MEAN), bounds=UNIT)
    assert np.isnan([found.low, found.high, found.se]).all()
    assert found.n_effective == 1
    assert "of 5 groups, 1.0 contribute" in found.reason
    # and so it has in two groups of which one holds nearly all
    sums[1] = (1, 2)
    assert arm_interval(Jackknife.of(sums[None], np.arange(5), MEAN), bounds=UNIT).reason


def test_fewer_than_two_groups_have_no_interval_but_a_reason():
    interval = arm_interval(arm([0.1, 0.3], ["a", "a"]))
    assert interval.value == pytest.approx(0.2)
    assert np.isnan([interval.low, interval.high, interval.se]).all()
    assert "at least 2 groups" in interval.reason


def test_an_undefined_metric_has_a_reason():
    nothing = arm(np.full(6, np.nan))
    interval = arm_interval(nothing)
    assert np.isnan(interval.value)
    assert "undefined on these images" in interval.reason
    assert np.isnan(paired_difference(nothing, nothing).p_value)


def test_a_number_that_needs_every_group_has_a_reason():
    two = Statistic(lambda sums: np.where(sums[..., 1] == 2, mean_of(sums), np.nan), MEAN.weight)
    interval = arm_interval(Jackknife.of(mean_statistics(np.array([[0.4, 0.6]])), [0, 1], two))
    assert interval.value == pytest.approx(0.5)
    assert np.isnan([interval.low, interval.high, interval.se]).all()
    assert "undefined without any of 2 groups" in interval.reason


def test_groups_and_seeds_add_up():
    images, shifts = generator(6).normal(size=50), np.array([-0.3, 0.1, 0.5])
    one, many = arm_interval(arm(images)), arm_interval(arm(images + shifts[:, None]))
    of_seeds = shifts.var(ddof=1) / 3
    variance = one.se**2 + of_seeds
    dof = variance**2 / (one.se**4 / 49 + of_seeds**2 / 2)
    assert (many.method, many.n_seeds, one.n_seeds) == ("groups+seeds", 3, 1)
    assert many.value == pytest.approx(one.value + 0.1)
    assert (many.se, many.dof) == pytest.approx((np.sqrt(variance), dof))
    widest = max(stats.t.ppf(0.975, dof) * many.se, stats.t.ppf(0.975, 2) * np.sqrt(of_seeds))
    assert many.high - many.value == pytest.approx(widest)


def test_what_differs_between_groups_and_seeds_at_once_counts_once():
    """Seeds without an effect of their own: independent noise of every image under every seed."""
    found = [arm_interval(arm(generator(seed).normal(size=(6, 20)))).se ** 2 for seed in range(100)]
    assert 0.95 / 120 <= np.mean(found) <= 1.4 / 120  # 2 / 120 if the sources were only added


def test_seeds_that_agree_by_chance_do_not_narrow_the_interval():
    images = generator(6).normal(size=50)
    apart, agreeing = images + np.array([[-1.0], [1.0]]), images + np.array([[-1e-9], [1e-9]])
    assert arm_interval(arm(agreeing)).high == pytest.approx(arm_interval(arm(images)).high)
    half = stats.t.ppf(0.975, 1) * np.std([-1.0, 1.0], ddof=1) / np.sqrt(2)
    found = arm_interval(arm(apart))
    assert found.high - found.value >= half


def test_paired_difference_ignores_what_the_arms_share():
    rng = generator(7)
    images = rng.normal(0, 10, size=60)
    a, b = images + 0.5 + rng.normal(0, 0.2, 60), images
    found, theirs = paired_difference(arm(a), arm(b)), stats.ttest_rel(a, b)
    assert (found.low, found.high) == pytest.approx(tuple(theirs.confidence_interval()))
    assert found.p_value == pytest.approx(theirs.pvalue)
    assert found.p_value < 1e-20  # no resamples that would limit it
    assert found.method == "groups"


def test_paired_difference_with_seeds_of_different_number_is_welchs():
    shift_a, shift_b = np.array([0.0, 0.2, 0.4]), np.array([0.1, 0.3])
    images = generator(8).normal(size=40)
    found = paired_difference(arm(images + shift_a[:, None]), arm(images + shift_b[:, None]))
    theirs = stats.ttest_ind(shift_a, shift_b, equal_var=False).confidence_interval()
    assert (found.value, found.method) == (pytest.approx(0.0), "groups+seeds")
    assert found.high == pytest.approx(theirs.high)
    assert found.p_value == pytest.approx(1)


def test_an_arm_with_one_seed_is_given_the_others_spread():
    shifts, images = np.array([0.0, 0.2, 0.4]), generator(8).normal(size=40)
    found = paired_difference(arm(images + shifts[:, None]), arm(images))
    assert found.high - found.value == pytest.approx(stats.t.ppf(0.975, 2) * 0.2 * np.sqrt(1 / 3 + 1))
    assert found.method == "groups+seeds"


@settings(max_examples=30, deadline=None)
@given(st.floats(-0.6, 0.6), st.integers(1, 3))
def test_p_value_says_what_the_interval_says(shift, seeds):
    rng = generator(9)
    a, b = (rng.normal(size=(seeds, 30)) for _ in range(2))
    groups = np.repeat(np.arange(10), 3)
    found, other = (paired_difference(arm(x, groups), arm(y, groups)) for x, y in ((a + shift, b), (b, a + shift)))
    assert (found.p_value < 0.05) == (found.low > 0 or found.high < 0)
    assert (other.value, other.low, other.high) == pytest.approx((-found.value, -found.high, -found.low))
    assert (other.p_value, other.detectable) == pytest.approx((found.p_value, found.detectable))


def test_differences_do_not_leave_their_range_and_have_no_zero_width():
    a, b = arm([1.0, 0.8, 1.0, 0.1]), arm([0.0, 0.3, 0.0, 0.2])
    found = paired_difference(a, b, bounds=UNIT)
    assert (found.value, found.high) == (pytest.approx(0.6), 1.0)
    same = paired_difference(a, a, bounds=UNIT)
    assert np.isnan([same.low, same.p_value]).all()
    assert "same in all groups" in same.reason


def test_arms_of_other_groups_are_refused():
    with pytest.raises(DataError, match="same groups"):
        paired_difference(arm([0.1, 0.2]), arm([0.1, 0.2], ["a", "b"]))


def test_effective_number_of_groups():
    # 443 of CoNSeP's 561 miscellaneous nuclei in one of 14 tiles
    assert effective_number(np.array([443] + [118 / 13] * 13) / 561) == pytest.approx(1.59, abs=0.01)
    assert effective_number(np.zeros(3)) == 0


def test_holm():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, float("nan"), 0.9]) == pytest.approx([1.0, float("nan"), 1.0], nan_ok=True)
    assert holm([]) == []
    assert np.isnan(holm([float("nan")])).all()


@given(st.lists(st.floats(1e-6, 1), min_size=1, max_size=8))
def test_holm_rejects_what_stepping_down_rejects(p_values):
    adjusted = holm(p_values)
    for alpha in (0.01, 0.05, 0.3):
        rejected, remaining = set(), sorted(range(len(p_values)), key=p_values.__getitem__)
        while remaining and p_values[remaining[0]] * len(remaining) <= alpha:
            rejected.add(remaining.pop(0))
        assert {i for i, value in enumerate(adjusted) if value <= alpha} == rejected


def test_spread_over_seeds_is_students_interval_of_the_mean():
    values = [21.0, 24.0, 22.5, 30.0]
    found = spread_over_seeds(values)
    theirs = stats.ttest_1samp(values, 0).confidence_interval()
    assert (found.low, found.high) == pytest.approx(tuple(theirs))
    assert (found.value, found.se) == pytest.approx((np.mean(values), stats.sem(values)))
    assert (found.method, found.n_seeds, found.n_groups, found.reason) == ("seeds", 4, 0, "")
    wider = spread_over_seeds(values, level=0.99)
    assert wider.low < found.low


def test_spread_over_seeds_stays_within_the_metrics_range():
    values = [0.9, 0.99, 1.0]
    free, kept = spread_over_seeds(values), spread_over_seeds(values, bounds=UNIT)
    assert free.high > 1
    assert 0 < kept.low < kept.value < kept.high < 1
    assert spread_over_seeds([0.0, 0.1, 0.5], bounds=(0.0, None)).low == 0


def test_spread_over_seeds_without_an_interval_has_a_reason():
    one = spread_over_seeds([21.0])
    assert one.value == 21.0
    assert np.isnan([one.low, one.high, one.se]).all()
    assert "at least 2" in one.reason
    gap = spread_over_seeds([21.0, float("nan"), 20.0])
    assert np.isnan([gap.value, gap.low]).all()
    assert "1 of 3 seeds" in gap.reason
    with pytest.raises(DataError, match="one number per seed"):
        spread_over_seeds([])


def test_resampling_a_frechet_distance_would_bias_it_upwards():
    """Why a distance has no bootstrap: resamples of both sets lie above the distance itself, floor and all."""
    from metrics.frechet import frechet_distance

    rng = generator(13)
    real, made = rng.normal(size=(80, 20)), rng.normal(size=(80, 20))
    point = frechet_distance(real, made).value
    drawn = [
        frechet_distance(real[rng.integers(80, size=80)], made[rng.integers(80, size=80)]).value for _ in range(50)
    ]
    assert min(drawn) > point


def test_an_interval_of_a_large_test_set_takes_a_blink():
    statistics, groups = generator().random((1, 7000, 81)), np.arange(7000)
    started = time.perf_counter()
    arm_interval(Jackknife.of(statistics, groups, Statistic(accuracy, lambda sums: sums[..., :9])))
    assert time.perf_counter() - started < 1.0


def test_refuses():
    with pytest.raises(DataError, match="one group per image"):
        Jackknife.of(np.zeros((1, 3, 2)), ["a", "b"], MEAN)
    with pytest.raises(DataError, match="mean_statistics"):
        Jackknife.of(np.array([[[np.nan, 1.0]]]), ["a"], MEAN)


def test_loads_without_torch():
    code = "import sys, metrics, metrics.uncertainty, metrics.table; assert 'torch' not in sys.modules, 'torch'"
    subprocess.run([sys.executable, "-c", code], check=True)
