"""Two kinds of seeds: spreads against their expectations, and the coverage of intervals in simulations."""

import numpy as np
import pytest
from metrics.resampling import mean_of, mean_statistics

from bench.errors import DataError
from metrics.crossed import METHOD, crossed_difference, crossed_interval, crossed_spread, of_mean, spreads
from metrics.uncertainty import arm_interval


def generator(seed=0):
    return np.random.default_rng(seed)


def effects(rng, n_seeds, n_generations, training, generation, error):
    """Values of a crossed design whose mean is 0, given the standard deviations of its effects."""
    of_seeds = training * rng.standard_normal((n_seeds, 1))
    of_sets = generation * rng.standard_normal((1, n_generations))
    return of_seeds + of_sets + error * rng.standard_normal((n_seeds, n_generations))


DESIGNS = [(3, 2), (3, 3), (5, 2), (2, 4)]
EFFECTS = [(1.0, 1.0, 1.0), (1.0, 0.5, 1.0), (0.5, 1.0, 1.0), (1.0, 1.0, 0.2), (1.0, 0.0, 0.3), (0.0, 1.0, 0.3)]


@pytest.mark.parametrize(("training", "generation", "error"), [(1.0, 0.5, 0.7), (0.0, 2.0, 0.5), (1.5, 1.5, 0.1)])
def test_variance_components_are_unbiased(training, generation, error):
    rng, within, between = generator(), [], []
    for _ in range(2000):
        values = effects(rng, 3, 4, training, generation, error)
        found = spreads(values)
        within.append(found.training**2)
        # the estimate before it is cut off at 0, by sums of squares in a slow way
        means = values.mean(axis=0)
        rest = values - values.mean(axis=1, keepdims=True) - means + values.mean()
        estimate = (3 * means.var(ddof=1) - (rest**2).sum() / 6) / 3
        assert found.generation == pytest.approx(np.sqrt(max(estimate, 0)))
        assert found.negative == (estimate < 0)
        between.append(estimate)
    assert np.mean(within) == pytest.approx(training**2 + error**2, rel=0.08)
    assert np.mean(between) == pytest.approx(generation**2, rel=0.08)


def test_a_negative_variance_is_said_to_be_so():
    # sets do not differ in their mean, and training seeds are the other way round on each
    found = spreads(np.array([[1.0, 2.0], [2.0, 1.0]]))
    assert (found.generation, found.negative) == (0.0, True)
    assert found.training == pytest.approx(np.sqrt(0.5))
    assert not spreads(np.array([[1.0, 5.0], [2.0, 6.0]])).negative


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("sizes", EFFECTS)
def test_the_mean_over_both_kinds_of_seeds_is_covered(design, sizes):
    rng, covered, n = generator(1), 0, 1500
    for _ in range(n):
        values = effects(rng, *design, *sizes)
        covered += abs(values.mean()) <= of_mean(values).half_width(0.05)
    assert 0.93 <= covered / n <= 0.99, covered / n


@pytest.mark.parametrize("sizes", [(0.5, 0.5, 0.5), (0.1, 0.6, 0.2), (0.0, 0.0, 0.5), (0.6, 0.0, 0.2)])
def test_groups_and_both_kinds_of_seeds_are_covered_together(sizes):
    rng, covered, n, n_groups = generator(2), 0, 300, 8
    for _ in range(n):
        slides = rng.standard_normal(n_groups)
        cells = effects(rng, 5, 3, *sizes)[..., None] + slides + 0.1 * rng.standard_normal((5, 3, n_groups))
        found = crossed_interval(mean_statistics(cells), np.arange(n_groups), mean_of, rng=rng, n_resamples=300)
        covered += found.low <= 0 <= found.high
    assert 0.92 <= covered / n <= 0.99, covered / n


def test_sets_that_differ_widen_the_interval_of_the_pooled_values():
    rng = generator(3)
    cells = np.array([0.0, 1.0])[None, :, None] + 0.01 * rng.standard_normal((3, 2, 20))
    crossed = crossed_interval(mean_statistics(cells), np.arange(20), mean_of, rng=generator())
    pooled = arm_interval(mean_statistics(cells.reshape(6, 20)), np.arange(20), mean_of, rng=generator())
    assert crossed.value == pytest.approx(pooled.value)
    assert crossed.high - crossed.low > 4 * (pooled.high - pooled.low)
    assert (crossed.method, crossed.n_seeds, crossed.n_generations) == (METHOD, 3, 2)


def test_a_difference_is_paired_by_training_seed():
    rng = generator(4)
    baseline = rng.standard_normal((3, 1)) + rng.standard_normal(12)
    arm = baseline[:, None] + 0.2 + 0.01 * rng.standard_normal((3, 2, 12))
    found = crossed_difference(
        mean_statistics(arm), mean_statistics(baseline), np.arange(12), mean_of, rng=generator(), n_resamples=500
    )
    # what a seed does to both arms, a deviation of 1, cancels
    assert found.value == pytest.approx(0.2, abs=0.01)
    assert found.low > 0.1
    assert found.p_value < 0.05
    turned = crossed_difference(
        mean_statistics(arm), mean_statistics(baseline[::-1]), np.arange(12), mean_of, rng=generator(), n_resamples=500
    )
    assert turned.high - turned.low > 10 * (found.high - found.low)


def test_differences_without_effect_are_found_significant_in_few():
    rng, significant, n = generator(5), 0, 200
    for _ in range(n):
        slides, seeds = rng.standard_normal(8), 0.5 * rng.standard_normal((3, 1))
        baseline = slides + seeds + 0.2 * rng.standard_normal((3, 1)) + 0.1 * rng.standard_normal((3, 8))
        cells = (slides + seeds)[:, None] + effects(rng, 3, 2, 0.2, 0.3, 0.2)[..., None]
        arm = cells + 0.1 * rng.standard_normal((3, 2, 8))
        found = crossed_difference(
            mean_statistics(arm), mean_statistics(baseline), np.arange(8), mean_of, rng=rng, n_resamples=300
        )
        significant += found.p_value < 0.05
        assert (found.p_value < 0.05) == (found.low > 0 or found.high < 0)
    assert significant / n <= 0.08, significant / n


def test_a_number_that_is_not_resampled_has_the_interval_of_both_kinds_of_seeds():
    values = np.array([[0.5, 0.9], [0.6, 1.0]])
    found = crossed_spread(values, bounds=(0.0, 1.0))
    assert (found.value, found.low, found.high) == (pytest.approx(0.75), 0.0, 1.0)
    assert found.se == pytest.approx(of_mean(values).se)
    values[0, 0] = np.nan
    assert "1 of 4" in crossed_spread(values).reason


@pytest.mark.parametrize("shape", [(1, 3), (3, 1), (4,)])
def test_one_seed_of_a_kind_is_refused(shape):
    with pytest.raises(DataError, match="at least two"):
        spreads(np.ones(shape))
    with pytest.raises(DataError, match="same training seeds"):
        crossed_difference(np.ones((2, 2, 3, 2)), np.ones((3, 3, 2)), [0, 1, 2], mean_of, rng=generator())
