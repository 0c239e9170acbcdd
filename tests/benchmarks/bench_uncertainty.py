"""The cluster bootstrap against a loop over resamples."""

import numpy as np
import pytest

from metrics.uncertainty import cluster_bootstrap, mean_of, mean_statistics
from tests.benchmarks.race import OURS

CASE = "bootstrap, 10000 x 2000 images in 200 groups"
N_RESAMPLES = 10_000


@pytest.fixture(scope="module")
def values():
    rng = np.random.default_rng(0)
    groups = rng.integers(0, 200, 2000)
    return rng.normal(size=200)[groups] + rng.normal(size=2000), groups


def ours(values):
    scores, groups = values
    rng = np.random.default_rng(1)
    return cluster_bootstrap(mean_statistics(scores), groups, mean_of, rng=rng, n_resamples=N_RESAMPLES)


def test_ours(clock, values):
    clock(CASE, OURS, lambda: ours(values), rounds=10, at_most=0.1)


def test_a_loop(clock, values):
    scores, groups = values
    members = [scores[groups == g] for g in np.unique(groups)]

    def run():
        rng = np.random.default_rng(1)
        drawn = (rng.integers(len(members), size=len(members)) for _ in range(N_RESAMPLES))
        return np.std([np.concatenate([members[g] for g in groups_]).mean() for groups_ in drawn])

    assert clock(CASE, "a loop over resamples", run, rounds=1, ours=lambda: ours(values)) == pytest.approx(
        ours(values).se, rel=0.05
    )
