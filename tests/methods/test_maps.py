"""Enlarging maps: small shifts, nothing else changed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from methods.maps import EnlargedMap, EnlargingSettings, enlarge
from methods.patches import labels_of
from tests import toy

ALL = EnlargingSettings(share=1.0)


def _labels(seed: int = 0, size: int = 64) -> tuple[np.ndarray, np.ndarray]:
    return labels_of(toy.NucleiDataset(1, size, seed=seed)[0])


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 50), share=st.floats(0, 1), mpp=st.sampled_from([0.25, 0.5]), signed=st.booleans())
def test_nuclei_move_little_and_keep_their_class(seed: int, share: float, mpp: float, signed: bool) -> None:
    instances, types = _labels(seed)
    moved = enlarge(instances, types, EnlargingSettings(share=share, signed=signed), mpp, np.random.default_rng(seed))
    largest = {0.25: 3, 0.5: 2}[mpp]
    assert np.abs(moved.shifts).max(initial=0) <= largest
    assert signed or moved.shifts.min(initial=0) >= 0
    present = np.unique(moved.instances)
    assert present[present > 0].tolist() == list(range(1, len(moved.types) + 1))
    np.testing.assert_array_equal(moved.types, types[moved.origin - 1])
    for new, (old, (y, x)) in enumerate(zip(moved.origin, moved.shifts, strict=True), 1):
        rows, columns = np.nonzero(moved.instances == new)
        assert (instances[rows - y, columns - x] == old).all()


def test_no_shift_is_the_identity() -> None:
    instances, types = _labels()
    for unmoved in (EnlargingSettings(max_shift=0, share=1.0), EnlargingSettings(share=0.0)):
        result = enlarge(instances, types, unmoved, 0.25, np.random.default_rng(0))
        np.testing.assert_array_equal(result.instances, instances)
        np.testing.assert_array_equal(result.types, types)


def test_an_isolated_nucleus_keeps_its_shape() -> None:
    instances = np.zeros((32, 32), np.int32)
    instances[10:16, 12:20] = 1
    result = enlarge(instances, np.array([2], np.uint8), ALL, 0.25, np.random.default_rng(3))
    y, x = result.shifts[0]
    assert (y, x) != (0, 0)
    np.testing.assert_array_equal(result.instances, np.roll(instances, (y, x), (0, 1)))


def test_share_of_moving_nuclei() -> None:
    instances = np.arange(1, 401, dtype=np.int32).reshape(20, 20).repeat(9, 0).repeat(9, 1)
    moved = enlarge(instances, np.ones(400, np.uint8), EnlargingSettings(), 0.25, np.random.default_rng(0))
    # a moving nucleus draws (0, 0) once in 49
    assert np.any(moved.shifts != 0, axis=1).mean() == pytest.approx(0.5 * 48 / 49, abs=0.07)


def test_covered_nuclei_and_fragments_are_dropped() -> None:
    instances = np.zeros((12, 12), np.int32)
    instances[4:8, 4:8] = 1
    instances[4:8, 8:9] = 2  # one column, beside a square that may move over it
    types = np.array([1, 4], np.uint8)
    covered, fragments = 0, 0
    for seed in range(60):
        loose = enlarge(instances, types, ALL, 0.25, np.random.default_rng(seed))
        strict = enlarge(instances, types, ALL, 0.25, np.random.default_rng(seed), min_area=3)
        covered += len(loose.types) < 2
        fragments += len(strict.types) < len(loose.types)
        areas = np.bincount(strict.instances.ravel())[1:]
        whole = np.array([16, 4])[strict.origin - 1]
        assert ((areas == whole) | (areas >= 3)).all()
    assert covered
    assert fragments


def test_follows_the_generator() -> None:
    instances, types = _labels()

    def run(seed: int) -> EnlargedMap:
        return enlarge(instances, types, EnlargingSettings(), 0.5, np.random.default_rng(seed))

    np.testing.assert_array_equal(run(1).instances, run(1).instances)
    assert not np.array_equal(run(1).instances, run(2).instances)
