"""Training crops: windows, orientations, dropped conditions."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from bench.contract import DatasetInfo, Sample
from bench.errors import DataError
from methods.sdm.condition import condition_map
from methods.sdm.crops import TrainingCrops, orient
from tests import toy


class _Ramp(toy.NucleiDataset):
    """One tile whose pixels tell their row and column, with one nucleus in the upper left."""

    def __post_init__(self) -> None:
        rows, columns = np.mgrid[:40, :40].astype(np.uint8)
        instances = np.zeros((40, 40), np.int32)
        instances[2:9, 1:5] = 1
        image = np.stack([rows, columns, rows], -1)
        self.samples = [Sample("ramp", image, "slide", 0.5, instances, np.array([3], np.uint8))]


def test_orientations_are_the_six_of_the_release() -> None:
    square = np.arange(9).reshape(3, 3)
    turned = [orient(square, number) for number in range(6)]
    for number in range(4):
        np.testing.assert_array_equal(turned[number], np.rot90(square, number))
    np.testing.assert_array_equal(turned[4], np.fliplr(square))
    np.testing.assert_array_equal(turned[5], np.flipud(square))
    assert len({array.tobytes() for array in (np.ascontiguousarray(t) for t in turned)}) == 6


def test_image_and_condition_stay_together() -> None:
    crops = TrainingCrops(_Ramp(), 16)
    tile = _Ramp().samples[0]
    assert tile.instances is not None
    rng, corners = np.random.default_rng(0), set()
    for _ in range(300):
        image, condition = crops.draw(rng)
        rows, columns = image[..., 0].astype(int), image[..., 1].astype(int)
        nucleus = tile.instances[rows, columns] == 1  # where each pixel came from
        np.testing.assert_array_equal(condition[3] == 1, nucleus)
        np.testing.assert_array_equal(condition[:5].sum(0), 1)
        corners.add((rows.min(), columns.min()))
    assert max(y for y, _ in corners) == 24  # the last row is reached
    assert max(x for _, x in corners) == 24
    assert min(y for y, _ in corners) == 0


def test_edges_are_those_of_the_crop() -> None:
    # as at sampling, where nothing is known of what lies outside
    whole = np.zeros((20, 20), np.int32)
    whole[5:15, 5:15] = 1
    crop = condition_map(whole[6:14, 6:14], np.array([1], np.uint8), 4)
    assert not crop[-1].any()


def test_batches_follow_the_generator() -> None:
    crops = TrainingCrops(toy.NucleiDataset(2, 48), 32)
    weights = np.full(1000, 0.001)
    first, again, other = (crops.batch(4, 0.5, weights, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert {name: value.shape for name, value in first.items()} == {
        "image": (4, 3, 32, 32),
        "condition": (4, 6, 32, 32),
        "times": (4,),
    }
    for name in first:
        np.testing.assert_array_equal(first[name], again[name])
        assert not np.array_equal(first[name], other[name])


def test_dropped_conditions_are_all_zero() -> None:
    crops = TrainingCrops(toy.NucleiDataset(2, 48), 32)
    weights, rng = np.full(1000, 0.001), np.random.default_rng(0)
    conditions = np.concatenate([crops.batch(50, 0.2, weights, rng)["condition"] for _ in range(8)])
    dropped = ~conditions.any(axis=(1, 2, 3))
    assert dropped.mean() == pytest.approx(0.2, abs=0.06)
    assert (conditions[~dropped][:, :5].sum(1) == 1).all()
    assert crops.batch(20, 0.0, weights, rng)["condition"].any(axis=(1, 2, 3)).all()


def test_mean_colour() -> None:
    dataset = toy.NucleiDataset(2, 48)
    pixels = np.concatenate([sample.image.reshape(-1, 3) for sample in dataset.samples]) / 127.5 - 1
    np.testing.assert_allclose(TrainingCrops(dataset, 32).mean_colour(), pixels.mean(0), atol=1e-5)


def test_unfit_data_are_refused() -> None:
    with pytest.raises(DataError, match="at least 64"):
        TrainingCrops(toy.NucleiDataset(1, 48), 64)

    class Tissue(toy.NucleiDataset):
        @property
        def info(self) -> DatasetInfo:
            return dataclasses.replace(super().info, task="tissue")

    with pytest.raises(DataError, match="nuclei dataset"):
        TrainingCrops(Tissue(1, 48), 32)
