"""Intervals over groups against a loop over groups that are left out."""

import numpy as np
import pytest

from metrics.groups import MEAN, mean_statistics
from metrics.jackknife import Jackknife
from metrics.uncertainty import arm_interval
from tests.benchmarks.race import OURS

CASE = "interval of 2000 images in 200 groups"


@pytest.fixture(scope="module")
def values():
    rng = np.random.default_rng(0)
    groups = rng.integers(0, 200, 2000)
    return rng.normal(size=200)[groups] + rng.normal(size=2000), groups


def ours(values):
    scores, groups = values
    return arm_interval(Jackknife.of(mean_statistics(scores)[None], groups, MEAN))


def test_ours(clock, values):
    clock(CASE, OURS, lambda: ours(values), rounds=10, at_most=0.1)


def test_a_loop(clock, values):
    scores, groups = values

    def run():
        whole = scores.mean()
        parts = ((whole - scores[groups != g].mean(), (groups == g).mean()) for g in np.unique(groups))
        return np.sqrt(sum((1 - share) * influence**2 for influence, share in parts))

    assert clock(CASE, "a loop over groups", run, rounds=1, ours=lambda: ours(values)) == pytest.approx(
        ours(values).se, rel=1e-6
    )
