"""Scores of synthetic sets: references, copies, noise, too few images."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import sqrtm

from bench.errors import DataError
from bench.scoring.images import Sets, score_images
from tests.reference import manifold as slow


def draw(n, d=8, shift=0.0, seed=0):
    return np.random.default_rng(seed).normal(shift, 1, (n, d))


def score(real, synthetic, test=None, seed=0):
    return score_images(Sets(real, synthetic, test, "features"), seed=seed)


REAL, FRESH, TEST = draw(120), draw(60, seed=1), draw(50, seed=2)


def test_scores_are_those_of_slow_references() -> None:
    found = score(REAL, FRESH, TEST)
    covariances = [np.cov(x, rowvar=False) for x in (REAL, FRESH)]
    root = np.trace(sqrtm(covariances[0] @ covariances[1]).real)
    fd = ((REAL.mean(0) - FRESH.mean(0)) ** 2).sum() + sum(map(np.trace, covariances)) - 2 * root
    assert found.fd == pytest.approx(fd)
    assert (found.precision, found.recall, found.density, found.coverage) == pytest.approx(
        slow.prdc(REAL, FRESH, 5), abs=1e-9
    )
    assert found.auth_pct == pytest.approx(slow.auth_pct(REAL, FRESH))
    assert found.copy_rate == pytest.approx(slow.copy_rate(REAL, FRESH, TEST))
    assert (found.n_real, found.n_synthetic, found.encoder, found.warnings) == (120, 60, "features", [])


def test_fresh_images_lie_at_the_floor_and_others_above() -> None:
    fresh, far = score(REAL, FRESH), score(REAL, draw(60, shift=0.7, seed=3))
    assert fresh.fd_floor == far.fd_floor
    assert fresh.fd < 2 * fresh.fd_floor < far.fd
    assert abs(fresh.kd) < 3 * fresh.kd_se
    assert far.kd > 5 * far.kd_se
    assert fresh.copy_rate is None


def test_copies_are_seen() -> None:
    found = score(REAL, REAL[:60], TEST)
    assert found.auth_pct == 0
    assert found.copy_rate == 1
    assert score(REAL, FRESH, TEST).copy_rate < 0.3


def test_the_seed_moves_the_floor_alone() -> None:
    one, two = score(REAL, FRESH), score(REAL, FRESH, seed=1)
    assert one == score(REAL, FRESH)
    assert one.fd_floor != two.fd_floor
    assert one == two.model_copy(update={"fd_floor": one.fd_floor})


def test_too_few_images_warn_beside_the_number() -> None:
    found = score(draw(40, d=50), draw(30, d=50, seed=1))
    assert found.fd > 0
    assert [text.partition(":")[0] for text in found.warnings] == ["fd", "fd_floor"]
    assert "40 real and 30 synthetic images for 50 dimensions" in found.warnings[0]
    assert "NaN" not in found.model_dump_json()
    few = score(draw(3), draw(2, seed=1))
    assert few.fd_floor is None
    assert few.precision is few.coverage is None
    assert [text.partition(":")[0] for text in few.warnings][1:] == [
        "fd_floor",
        "precision, recall, density, coverage",
    ]


def test_widths_must_agree() -> None:
    with pytest.raises(DataError, match="8 and 9 columns"):
        score(REAL, draw(60, d=9))
    with pytest.raises(DataError, match="Real and test features differ.*8 and 9 columns"):
        score(REAL, FRESH, draw(60, d=9))
