"""Intervals against scipy's bootstrap, slow loops and closed forms, and their coverage in simulations."""

import subprocess
import sys
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from metrics.resampling import group_sums, replicates
from scipy import stats

from bench.errors import DataError
from metrics.instances import pooled_pq
from metrics.uncertainty import (
    arm_interval,
    cluster_bootstrap,
    holm,
    mean_of,
    mean_statistics,
    paired_difference,
    rank_intervals,
    spread_over_seeds,
)


def generator(seed=0):
    return np.random.default_rng(seed)


def test_mean_leaves_undefined_images_out():
    values = np.array([0.2, np.nan, 0.6])
    assert mean_of(mean_statistics(values).sum(axis=0)) == pytest.approx(np.nanmean(values))
    assert np.isnan(mean_of(mean_statistics(np.array([np.nan])).sum(axis=0)))


def test_group_sums_equal_a_loop():
    rng = generator()
    statistics, groups = rng.normal(size=(3, 20, 4)), rng.choice(list("cab"), 20)
    expected = np.stack([statistics[:, groups == g].sum(axis=1) for g in "abc"], axis=1)
    assert group_sums(statistics, groups) == pytest.approx(expected)


def test_replicates_equal_a_loop_over_drawn_groups():
    rng = generator()
    sums = rng.random((2, 5, 4))
    drawn = generator(1).integers(5, size=(30, 5))
    expected = [np.mean([pooled_pq(sums[s, row].sum(axis=0)) for s in range(2)]) for row in drawn]
    assert replicates([sums], pooled_pq, 30, generator(1))[0] == pytest.approx(np.array(expected))


def test_equals_scipys_percentile_bootstrap_for_many_groups():
    values = generator(2).gamma(2.0, size=400)
    ours = cluster_bootstrap(mean_statistics(values), np.arange(400), mean_of, rng=generator(), n_resamples=9999)
    theirs = stats.bootstrap((values,), np.mean, method="percentile", rng=generator(3), n_resamples=9999)
    assert (ours.low, ours.high) == pytest.approx(tuple(theirs.confidence_interval), rel=5e-3)
    assert ours.se == pytest.approx(theirs.standard_error, rel=0.03)
    assert (ours.value, ours.method, ours.n_groups) == (pytest.approx(values.mean()), "groups", 400)


def test_repeated_images_of_a_group_do_not_narrow_the_interval():
    values, groups = generator(4).normal(size=12), np.arange(12)
    once = cluster_bootstrap(mean_statistics(values), groups, mean_of, rng=generator())
    tenfold = cluster_bootstrap(mean_statistics(np.repeat(values, 10)), np.repeat(groups, 10), mean_of, rng=generator())
    assert (tenfold.low, tenfold.high) == pytest.approx((once.low, once.high))


def test_order_of_images_and_names_of_groups_do_not_matter():
    rng = generator(5)
    values, groups = rng.normal(size=40), np.repeat(np.arange(8), 5)
    order = rng.permutation(40)
    first = cluster_bootstrap(mean_statistics(values), groups, mean_of, rng=generator())
    second = cluster_bootstrap(
        mean_statistics(values[order]),
        np.array([f"slide {g}" for g in groups[order]]),
        mean_of,
        rng=generator(),
    )
    assert (second.low, second.high) == pytest.approx((first.low, first.high))


@pytest.mark.parametrize("n_groups", [5, 30])
def test_covers_the_truth_with_few_groups(n_groups):
    covered = 0
    for seed in range(200):
        rng = generator(seed)
        values = (rng.normal(size=(n_groups, 1)) + rng.normal(0, 0.5, size=(n_groups, 4))).ravel()
        interval = cluster_bootstrap(
            mean_statistics(values), np.repeat(np.arange(n_groups), 4), mean_of, rng=rng, n_resamples=400
        )
        covered += interval.low <= 0 <= interval.high
    assert 180 <= covered <= 199


def test_fewer_than_two_groups_have_no_interval_but_a_reason():
    interval = cluster_bootstrap(mean_statistics(np.array([0.1, 0.3])), ["a", "a"], mean_of, rng=generator())
    assert interval.value == pytest.approx(0.2)
    assert np.isnan([interval.low, interval.high, interval.se]).all()
    assert "1 of at least 2" in interval.reason


def test_an_undefined_metric_has_a_reason():
    nothing = mean_statistics(np.full(6, np.nan))
    interval = cluster_bootstrap(nothing, np.arange(6), mean_of, rng=generator())
    assert np.isnan(interval.value)
    assert "undefined on these images" in interval.reason
    never = paired_difference(nothing[None], nothing[None], np.arange(6), mean_of, rng=generator())
    assert np.isnan(never.p_value)


def test_mostly_undefined_resamples_have_no_interval():
    def mean_of_exactly_two(sums):
        return np.where(sums[..., 1] == 2, mean_of(sums), np.nan)

    values = mean_statistics(np.array([0.4, 0.6] + [np.nan] * 10))
    interval = cluster_bootstrap(values, np.arange(12), mean_of_exactly_two, rng=generator(), n_resamples=500)
    assert interval.value == pytest.approx(0.5)
    assert np.isnan([interval.low, interval.high, interval.se]).all()
    assert "of 500 resamples" in interval.reason


def test_seed_spread_is_added_in_quadrature():
    rng = generator(6)
    images = rng.normal(size=50)
    shifts = np.array([-0.3, 0.1, 0.5])
    groups = np.arange(50)
    one = arm_interval(mean_statistics(images)[None], groups, mean_of, rng=generator())
    many = arm_interval(mean_statistics(images + shifts[:, None]), groups, mean_of, rng=generator())
    part = stats.t.ppf(0.975, 2) * shifts.std(ddof=1) / np.sqrt(3)
    assert many.method == "groups+seeds"
    assert (many.n_seeds, one.n_seeds) == (3, 1)
    assert many.value == pytest.approx(one.value + 0.1)
    assert many.value - many.low == pytest.approx(np.hypot(one.value - one.low, part))
    assert many.high - many.value == pytest.approx(np.hypot(one.high - one.value, part))
    assert many.se == pytest.approx(np.hypot(one.se, shifts.std(ddof=1) / np.sqrt(3)))


def test_paired_difference_ignores_what_the_arms_share():
    rng = generator(7)
    images = rng.normal(0, 10, size=60)
    a, b = images + 0.5 + rng.normal(0, 0.2, 60), images
    found = paired_difference(
        mean_statistics(a)[None], mean_statistics(b)[None], np.arange(60), mean_of, rng=generator()
    )
    theirs = stats.ttest_rel(a, b).confidence_interval()
    assert (found.low, found.high) == pytest.approx(tuple(theirs), abs=0.01)
    assert found.p_value < 0.01
    assert found.method == "groups"


def test_paired_difference_with_seeds_of_different_number():
    shift_a, shift_b = np.array([0.0, 0.2, 0.4]), np.array([0.1, 0.3])
    images = generator(8).normal(size=40)
    found = paired_difference(
        mean_statistics(images + shift_a[:, None]),
        mean_statistics(images + shift_b[:, None]),
        np.arange(40),
        mean_of,
        rng=generator(),
    )
    se = np.sqrt(shift_a.var(ddof=1) / 3 + shift_b.var(ddof=1) / 2)
    assert found.value == pytest.approx(0.0)
    assert found.high == pytest.approx(stats.t.ppf(0.975, 3) * se)
    assert found.p_value == pytest.approx(1, abs=1e-6)


def test_an_arm_with_one_seed_is_given_the_others_spread():
    shifts = np.array([0.0, 0.2, 0.4])
    images = generator(8).normal(size=40)
    found = paired_difference(
        mean_statistics(images + shifts[:, None]),
        mean_statistics(images)[None],
        np.arange(40),
        mean_of,
        rng=generator(),
    )
    assert found.high - found.value == pytest.approx(stats.t.ppf(0.975, 2) * 0.2 * np.sqrt(1 / 3 + 1))
    assert found.method == "groups+seeds"


@given(st.floats(-0.6, 0.6), st.integers(1, 3))
def test_p_value_says_what_the_interval_says(shift, seeds):
    rng = generator(9)
    a, b = (mean_statistics(rng.normal(size=(seeds, 30))) for _ in range(2))
    a[..., 0] += shift
    found = paired_difference(a, b, np.repeat(np.arange(10), 3), mean_of, rng=generator(), n_resamples=500)
    assert (found.p_value < 0.05) == (found.low > 0 or found.high < 0)
    other = paired_difference(b, a, np.repeat(np.arange(10), 3), mean_of, rng=generator(), n_resamples=500)
    assert (other.value, other.low, other.high) == pytest.approx((-found.value, -found.high, -found.low))
    assert other.p_value == pytest.approx(found.p_value)


def test_p_values_of_no_effect_are_near_uniform():
    p_values = []
    for seed in range(200):
        rng = generator(seed)
        a, b = (mean_statistics(rng.normal(size=(3, 20)) + rng.normal(size=(3, 1))) for _ in range(2))
        found = paired_difference(a, b, np.arange(20), mean_of, rng=rng, n_resamples=200)
        p_values.append(found.p_value)
    assert np.mean(np.array(p_values) < 0.05) < 0.08
    assert 0.35 < np.mean(p_values) < 0.7


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
    free, kept = spread_over_seeds(values), spread_over_seeds(values, bounds=(0.0, 1.0))
    assert free.high > 1
    assert (kept.low, kept.high) == (free.low, 1.0)
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


def test_an_undefined_arm_has_no_rank_and_costs_no_other_its_own():
    images = generator(14).normal(size=30)
    arms = {
        "never": mean_statistics(np.full(30, np.nan))[None],
        "low": mean_statistics(images)[None],
        "high": mean_statistics(images + 1)[None],
    }
    ranks = rank_intervals(arms, np.arange(30), mean_of, higher_is_better=True, rng=generator())
    assert np.isnan([ranks["never"].rank, ranks["never"].low]).all()
    assert (ranks["high"].rank, ranks["high"].high, ranks["low"].rank, ranks["low"].low) == (1, 1, 2, 2)


def test_one_group_gives_ranks_without_intervals():
    arms = {name: mean_statistics(np.array([value, value]))[None] for name, value in (("a", 0.1), ("b", 0.2))}
    ranks = rank_intervals(arms, ["slide", "slide"], mean_of, higher_is_better=True, rng=generator())
    assert (ranks["b"].rank, ranks["a"].rank) == (1, 2)
    assert np.isnan([ranks["b"].low, ranks["b"].high]).all()


def test_ranks_cover_the_truth_with_few_groups():
    """Arm b is better by next to nothing: the interval of a's rank must hold 2 in 97.5 % of test sets."""
    covered = 0
    for seed in range(200):
        rng = generator(seed)
        arms = {name: mean_statistics(rng.normal(shift, 1, size=5))[None] for name, shift in (("a", 0.0), ("b", 1e-9))}
        ranks = rank_intervals(arms, np.arange(5), mean_of, higher_is_better=True, rng=rng, n_resamples=300)
        covered += ranks["a"].low <= 2 <= ranks["a"].high
    assert covered >= 190  # 180 with plain percentiles


def test_rank_intervals_tell_clear_from_tied_arms():
    rng = generator(10)
    images, noise = rng.normal(size=40), rng.normal(0, 0.1, 40)
    noise -= noise.mean()
    arms = {
        "good": mean_statistics(images + 2 + rng.normal(0, 0.1, 40))[None],
        "fair": mean_statistics(images + noise)[None],
        "like fair": mean_statistics(images - noise)[None],
    }
    ranks = rank_intervals(arms, np.arange(40), mean_of, higher_is_better=True, rng=generator())
    assert (ranks["good"].rank, ranks["good"].low, ranks["good"].high) == (1, 1, 1)
    assert (ranks["fair"].low, ranks["fair"].high) == (2, 3)
    assert (ranks["like fair"].low, ranks["like fair"].high) == (2, 3)
    lowest_first = rank_intervals(arms, np.arange(40), mean_of, higher_is_better=False, rng=generator())
    assert lowest_first["good"].rank == 3


def test_seed_spread_widens_ranks():
    images = generator(11).normal(size=40)
    arms = {
        "a": mean_statistics(images + np.array([0.0, 1.0, 2.0])[:, None]),
        "b": mean_statistics(images + np.array([0.4, 0.9, 1.5])[:, None]),
    }
    ranks = rank_intervals(arms, np.arange(40), mean_of, higher_is_better=True, rng=generator())
    assert (ranks["a"].rank, ranks["a"].low, ranks["a"].high) == (1, 1, 2)
    assert (ranks["b"].rank, ranks["b"].low, ranks["b"].high) == (2, 1, 2)


def test_seeded():
    values = mean_statistics(generator(12).normal(size=30))
    first, second = (cluster_bootstrap(values, np.arange(30), mean_of, rng=generator(1)) for _ in range(2))
    assert first == second


def test_many_resamples_of_a_large_test_set_take_a_blink():
    statistics, groups = generator().random((2000, 4)), np.arange(2000) % 200
    started = time.perf_counter()
    cluster_bootstrap(statistics, groups, pooled_pq, rng=generator(), n_resamples=10_000)
    assert time.perf_counter() - started < 1.0  # 0.1 s on an idle machine; see tests/benchmarks


def test_refuses():
    with pytest.raises(DataError, match="one group per image"):
        cluster_bootstrap(np.zeros((3, 2)), ["a", "b"], mean_of, rng=generator())
    with pytest.raises(DataError, match="mean_statistics"):
        cluster_bootstrap(np.array([[np.nan, 1.0]]), ["a"], mean_of, rng=generator())


def test_loads_without_torch():
    code = "import sys, metrics, metrics.uncertainty, metrics.table; assert 'torch' not in sys.modules, 'torch'"
    subprocess.run([sys.executable, "-c", code], check=True)
