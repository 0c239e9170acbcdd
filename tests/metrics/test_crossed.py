"""Two kinds of seeds: spreads against their expectations, and intervals against a mixed model."""

import warnings

import numpy as np
import pandas as pd
import pytest

from bench.errors import DataError
from metrics.crossed import sources, spreads
from metrics.groups import MEAN, mean_statistics
from metrics.jackknife import Jackknife
from metrics.uncertainty import arm_interval, paired_difference, spread_over_seeds


def generator(seed=0):
    return np.random.default_rng(seed)


def effects(rng, n_seeds, n_generations, training, generation, error):
    """Values of a crossed design whose mean is 0, given the standard deviations of its effects."""
    of_seeds = training * rng.standard_normal((n_seeds, 1))
    of_sets = generation * rng.standard_normal((1, n_generations))
    return of_seeds + of_sets + error * rng.standard_normal((n_seeds, n_generations))


def arm(cells):
    """An arm whose number is the mean of cells [seeds, images] or [seeds, generations, images], one image a group."""
    return Jackknife.of(mean_statistics(cells), np.arange(cells.shape[-1]), MEAN)


def mixed_model(cells):
    """Return the variance of the mean of all cells, from the variance components that statsmodels fits by REML.

    `cells` are [seeds, groups] or [seeds, generations, groups]; every factor and every pair of factors is random.
    """
    from statsmodels.regression.mixed_linear_model import MixedLM

    names = ["s", "g"] if cells.ndim == 2 else ["s", "n", "g"]
    index = np.indices(cells.shape).reshape(cells.ndim, -1)
    frame = pd.DataFrame({name: codes.astype(str) for name, codes in zip(names, index, strict=True)})
    frame["y"] = cells.ravel()
    terms = [(name,) for name in names]
    if cells.ndim == 3:
        terms += [("s", "n"), ("s", "g"), ("n", "g")]
    sizes = dict(zip(names, cells.shape, strict=True))
    formula = {"".join(term): "0 + " + ":".join(f"C({name})" for name in term) for term in terms}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = MixedLM.from_formula("y ~ 1", groups=np.ones(len(frame)), vc_formula=formula, data=frame).fit()
    found = dict(zip(fitted.model.exog_vc.names, fitted.vcomp, strict=True))
    parts = [found["".join(term)] / np.prod([sizes[name] for name in term]) for term in terms]
    return sum(parts) + fitted.scale / cells.size


@pytest.mark.parametrize(("training", "generation", "error"), [(1.0, 0.5, 0.7), (0.0, 2.0, 0.5), (1.5, 1.5, 0.1)])
def test_variance_components_are_unbiased(training, generation, error):
    rng, within, between = generator(), [], []
    for _ in range(1000):
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
    assert np.mean(within) == pytest.approx(training**2 + error**2, rel=0.1)
    assert np.mean(between) == pytest.approx(generation**2, rel=0.1)


def test_a_negative_variance_is_said_to_be_so():
    # sets do not differ in their mean, and training seeds are the other way round on each
    found = spreads(np.array([[1.0, 2.0], [2.0, 1.0]]))
    assert (found.generation, found.negative) == (0.0, True)
    assert found.training == pytest.approx(np.sqrt(0.5))
    assert not spreads(np.array([[1.0, 5.0], [2.0, 6.0]])).negative


def test_groups_and_training_seeds_have_the_variance_of_a_mixed_model():
    rng = generator(1)
    cells = rng.standard_normal((4, 1)) + rng.standard_normal(12) + 0.5 * rng.standard_normal((4, 12))
    assert arm_interval(arm(cells)).se ** 2 == pytest.approx(mixed_model(cells), rel=0.01)


def test_groups_and_both_kinds_of_seeds_have_the_variance_of_a_mixed_model():
    rng = generator(5)
    cells = effects(rng, 4, 3, 1.0, 1.5, 0.7)[..., None] + 2 * rng.standard_normal(8)
    cells = cells + 0.8 * rng.standard_normal((4, 1, 8)) + 0.8 * rng.standard_normal((1, 3, 8))
    cells = cells + 0.3 * rng.standard_normal((4, 3, 8))
    assert arm_interval(arm(cells)).se ** 2 == pytest.approx(mixed_model(cells), rel=0.02)


def test_a_difference_has_the_variance_of_a_mixed_model_of_pairs():
    rng = generator(7)
    baseline = rng.standard_normal((4, 1)) + rng.standard_normal(8) + 0.3 * rng.standard_normal((4, 8))
    cells = effects(rng, 4, 3, 1.0, 1.5, 0.7)[..., None] + 2 * rng.standard_normal(8)
    cells = cells + 0.8 * rng.standard_normal((1, 3, 8)) + 0.3 * rng.standard_normal((4, 3, 8))
    found = paired_difference(arm(cells), arm(baseline))
    assert found.se**2 == pytest.approx(mixed_model(cells - baseline[:, None]), rel=0.05)


def test_sets_that_differ_widen_the_interval_of_the_pooled_values():
    rng = generator(3)
    cells = np.array([0.0, 1.0])[None, :, None] + 0.01 * rng.standard_normal((3, 2, 20))
    crossed, pooled = arm_interval(arm(cells)), arm_interval(arm(cells.reshape(6, 20)))
    assert crossed.value == pytest.approx(pooled.value)
    assert crossed.high - crossed.low > 4 * (pooled.high - pooled.low)
    assert (crossed.method, crossed.n_seeds, crossed.n_generations) == ("groups+seeds+generations", 3, 2)


def test_a_difference_is_paired_by_training_seed():
    rng = generator(4)
    baseline = rng.standard_normal((3, 1)) + rng.standard_normal(12)
    cells = baseline[:, None] + 0.2 + 0.01 * rng.standard_normal((3, 2, 12))
    found = paired_difference(arm(cells), arm(baseline))
    # what a seed does to both arms, a deviation of 1, cancels
    assert found.value == pytest.approx(0.2, abs=0.01)
    assert found.low > 0.1
    assert found.p_value < 0.05
    turned = paired_difference(arm(cells), arm(baseline[::-1]))
    assert turned.high - turned.low > 10 * (found.high - found.low)


def test_other_numbers_of_training_seeds_are_compared_without_pairs():
    rng = generator(6)
    cells = effects(rng, 3, 2, 0.5, 0.5, 0.1)[..., None] + rng.standard_normal(12)
    baseline = 0.5 * rng.standard_normal((5, 1)) + cells.mean(axis=(0, 1))
    found = paired_difference(arm(cells), arm(baseline))
    variances = [sum(each.se**2 for each in sources(one.mean(axis=-1))) for one in (cells, baseline)]
    assert found.se == pytest.approx(np.sqrt(sum(variances)))
    assert (found.n_seeds, found.n_generations) == (3, 2)


def test_a_number_without_groups_has_the_interval_of_both_kinds_of_seeds():
    values = np.array([[0.5, 0.9], [0.6, 1.0]])
    found = spread_over_seeds(values, bounds=(0.0, 1.0))
    assert found.value == pytest.approx(0.75)
    assert 0 < found.low < found.value < found.high < 1
    assert found.se == pytest.approx(np.sqrt((2 * 0.1**2 / 2 + 2 * 0.4**2 / 2) / 4))
    values[0, 0] = np.nan
    assert "1 of 4" in spread_over_seeds(values).reason


@pytest.mark.parametrize("shape", [(1, 3), (3, 1), (4,)])
def test_one_seed_of_a_kind_is_refused(shape):
    with pytest.raises(DataError, match="at least two"):
        spreads(np.ones(shape))
