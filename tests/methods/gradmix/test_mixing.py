"""One tile mixed: acceptance, oracles, and the slow replay."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.contract import Sample
from methods.gradmix import GradMixConfig
from methods.gradmix.donors import donor_tile
from methods.gradmix.mixing import MixedTile, mix_tile, place_donor
from tests import toy
from tests.methods.gradmix.replay import replay


def mixed_toy(seed: int, config: GradMixConfig, size: int = 96) -> tuple[Sample, dict[str, Sample], MixedTile]:
    tiles = {sample.id: sample for sample in toy.NucleiDataset(3, size, seed).samples}
    target, *others = tiles.values()
    donors = (donor_tile(sample, config, (1,)) for sample in others)
    return target, tiles, mix_tile(target, donors, config, np.random.default_rng(seed))


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 200), cover=st.sampled_from([0.0, 0.3, 1.0]))
def test_acceptance(seed: int, cover: float) -> None:
    config = GradMixConfig(max_cover=cover)
    target, tiles, mixed = mixed_toy(seed, config)
    before, after = (int((types == 1).sum()) for types in (target.types, mixed.types))
    assert after >= before
    assert mixed.image is not None
    assert mixed.instances.dtype == np.int32
    assert mixed.types.dtype == np.uint8
    np.testing.assert_array_equal(np.unique(mixed.instances), np.arange(len(mixed.types) + 1))
    assert len(mixed.origin) == len(mixed.types)
    now = dict(zip(mixed.origin.tolist(), mixed.types.tolist(), strict=True))
    swapped = {swap["nucleus"] for swap in mixed.swapped}
    assert len(swapped) == len(mixed.swapped)
    for nucleus, kind in now.items():
        assert kind == (1 if nucleus in swapped else target.types[nucleus - 1])
    donors = Counter((swap["donor"], swap["donor_nucleus"]) for swap in mixed.swapped)
    assert max(donors.values(), default=1) == 1
    for name, nucleus in donors:
        assert tiles[name].types[nucleus - 1] == 1
    _, _, touched = replay(target, tiles, mixed)
    np.testing.assert_array_equal(mixed.image[~touched], target.image[~touched])
    for name, nucleus in [(target.id, swap["nucleus"]) for swap in mixed.swapped] + list(donors):
        y, x = (axis.mean() for axis in np.nonzero(tiles[name].instances == nucleus))
        assert min(y, x, 95 - y, 95 - x) >= 15


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 200))
def test_agrees_with_the_slow_replay(seed: int) -> None:
    target, tiles, mixed = mixed_toy(seed, GradMixConfig())
    image, instances, _ = replay(target, tiles, mixed)
    np.testing.assert_array_equal(np.r_[0, mixed.origin][mixed.instances], instances)
    # the replay does not round a donor's tint by itself, nor between donors that overlap
    assert np.abs(mixed.image.astype(float) - image).max() <= 1


def test_toys_do_swap() -> None:
    swaps = [len(mixed_toy(seed, GradMixConfig())[2].swapped) for seed in range(6)]
    assert sum(swaps) >= 6
    assert len(mixed_toy(0, GradMixConfig(fraction=0.0))[2].swapped) == 0


def test_labels_do_not_depend_on_blending() -> None:
    painted, plain = (mixed_toy(3, GradMixConfig(blend=blend))[2] for blend in (True, False))
    assert plain.image is None
    np.testing.assert_array_equal(painted.instances, plain.instances)
    np.testing.assert_array_equal(painted.types, plain.types)
    assert painted.swapped == plain.swapped


def test_follows_the_seed() -> None:
    target, _, first = mixed_toy(3, GradMixConfig())
    _, _, again = mixed_toy(3, GradMixConfig())
    np.testing.assert_array_equal(first.image, again.image)
    others = {
        tuple(swap["nucleus"] for swap in mix_tile(target, [], GradMixConfig(), np.random.default_rng(seed)).swapped)
        for seed in range(8)
    }
    assert len(others) > 1


def square_tile(donor: tuple[slice, slice], mpp: float = 0.25) -> Sample:
    """An 8 x 8 major in the middle of an 80 px tile and one rare donor."""
    instances = np.zeros((80, 80), np.int32)
    instances[36:44, 36:44] = 1
    instances[donor] = 2
    image = np.full((80, 80, 3), 230, np.uint8)
    image[instances == 1] = (60, 20, 120)
    image[instances == 2] = (100, 140, 60)
    return Sample("square", image, "slide", mpp, instances, np.array([2, 1], np.uint8))


WHOLE = GradMixConfig(fraction=1.0, smooth_blue=1)


@pytest.mark.parametrize(("rows", "columns", "swaps"), [(4, 4, 1), (5, 11, 1), (3, 19, 1), (2, 29, 0), (4, 15, 0)])
def test_donors_fit_up_to_57_pixels(rows: int, columns: int, swaps: int) -> None:
    tile = square_tile((slice(46, 46 + rows), slice(31, 31 + columns)))
    mixed = mix_tile(tile, [], WHOLE, np.random.default_rng(0))
    assert (len(mixed.swapped), mixed.skipped) == (swaps, 1 - swaps)


def test_square_oracle() -> None:
    tile = square_tile((slice(46, 50), slice(46, 50)))
    mixed = mix_tile(tile, [], WHOLE, np.random.default_rng(0))
    assert mixed.types.tolist() == [1, 1]
    placed = mixed.instances == 1
    assert placed.sum() == 16
    assert placed[38:42, 38:42].all()
    # tint: mean of the donor's colour and the mean of nuclear pixels, 64 of one kind and 16 of the other
    mean = (64 * np.array([60, 20, 120]) + 16 * np.array([100, 140, 60])) / 80
    np.testing.assert_allclose(mixed.image[39, 39], (np.array([100, 140, 60]) + mean) / 2, atol=0.51)
    changed = (mixed.image != tile.image).any(axis=2)
    assert changed[34:46, 34:46].any()
    changed[34:46, 34:46] = False
    assert not changed.any()


def test_border_nuclei_are_left_alone() -> None:
    """The donor's centroid lies 24.5 px from the border: far enough at 20x, too near at 40x."""
    places = slice(23, 27), slice(23, 27)
    config = GradMixConfig(fraction=1.0)
    assert mix_tile(square_tile(places, 0.25), [], config, np.random.default_rng(0)).swapped == []
    assert len(mix_tile(square_tile(places, 0.5), [], config, np.random.default_rng(0)).swapped) == 1


def test_border_shape_is_row_then_column() -> None:
    """In a wide tile a nucleus near the lower border stays, however far it is from the right one."""
    tile = square_tile((slice(46, 50), slice(31, 35)))
    wide = {
        "instances": np.pad(tile.instances, ((0, 0), (0, 90))),
        "image": np.pad(tile.image, ((0, 0), (0, 90), (0, 0))),
    }
    shifted = np.roll(wide["instances"], (20, 60), axis=(0, 1))
    low = replace(tile, instances=shifted, image=wide["image"])
    assert mix_tile(low, [], WHOLE, np.random.default_rng(0)).swapped == []
    level = replace(tile, instances=np.roll(wide["instances"], 60, axis=1), image=wide["image"])
    assert len(mix_tile(level, [], WHOLE, np.random.default_rng(0)).swapped) == 1


def neighbours() -> Sample:
    """A major whose donor, an L around a hole, reaches over the neighbour in that hole."""
    tile = square_tile((slice(46, 47), slice(24, 48)))
    instances = tile.instances.copy()
    instances[38:42, 46:49] = 3
    return replace(tile, instances=instances, types=np.array([2, 1, 3], np.uint8))


def test_cover_is_limited() -> None:
    free = mix_tile(neighbours(), [], replace_cover(1.0), np.random.default_rng(1))
    bound = mix_tile(neighbours(), [], replace_cover(0.1), np.random.default_rng(1))
    assert {swap["nucleus"] for swap in free.swapped} >= {1}
    assert 1 not in {swap["nucleus"] for swap in bound.swapped}
    assert bound.skipped >= 1


def replace_cover(cover: float) -> GradMixConfig:
    return GradMixConfig(fraction=1.0, border=10, size_ratio=2.3, max_cover=cover)


def test_rare_neighbours_are_never_wiped_out() -> None:
    tile = neighbours()
    small = tile.instances.copy()
    small[small == 3] = 0
    small[40, 46] = 3  # one pixel, under the donor's arm
    rare = replace(tile, instances=small, types=np.array([2, 1, 1], np.uint8))
    donor = replace(tile, id="other", types=np.array([2, 1, 2], np.uint8))
    config = GradMixConfig(fraction=1.0, border=30)
    tiles = [donor_tile(donor, config.model_copy(update={"border": 10}), (1,))]
    only_far = replace(rare, instances=np.where(small == 2, 0, small))
    mixed = mix_tile(only_far, tiles, config, np.random.default_rng(0))
    assert int((mixed.types == 1).sum()) >= 1
    assert 3 in mixed.origin.tolist()


def test_donor_tile_of_another_size() -> None:
    """A donor near the border of a small tile: what lies beyond stays the target's own."""
    target = square_tile((slice(0, 0), slice(0, 0)))
    target = replace(target, types=target.types[:1])
    small = Sample(
        "small",
        np.full((9, 7, 3), 10, np.uint8),
        "s",
        0.25,
        np.zeros((9, 7), np.int32),
        np.array([1], np.uint8),
    )
    small.instances[4:7, 3:6] = 1
    config = GradMixConfig(fraction=1.0, border=0)
    mixed = mix_tile(target, [donor_tile(small, config, (1,))], config, np.random.default_rng(0))
    assert len(mixed.swapped) == 1
    image, instances, _ = replay(target, {"small": small}, mixed)
    np.testing.assert_array_equal(np.r_[0, mixed.origin][mixed.instances], instances)
    assert np.abs(mixed.image - image).max() <= 1


def test_inpainting_fills_the_major() -> None:
    """The ring's outermost pixels keep what lies under the layer: the major, or what was painted over it."""
    tile = square_tile((slice(46, 50), slice(46, 50)))
    rest = {"fraction": 1.0, "dilation": 1, "smooth_blue": 1}
    plain = mix_tile(tile, [], GradMixConfig(**rest), np.random.default_rng(0))
    painted = mix_tile(tile, [], GradMixConfig(inpaint=True, **rest), np.random.default_rng(0))
    np.testing.assert_array_equal(plain.instances, painted.instances)
    ring = slice(36, 37), slice(37, 43)
    assert painted.image[ring].mean() > plain.image[ring].mean() + 10
    outside = np.ones((80, 80), bool)
    outside[35:45, 35:45] = False
    np.testing.assert_array_equal(painted.image[outside], tile.image[outside])


@given(
    rows=st.integers(1, 30),
    columns=st.integers(1, 30),
    y=st.floats(0, 500),
    x=st.floats(0, 500),
    corner=st.tuples(st.integers(0, 400), st.integers(0, 400)),
)
def test_donor_lands_on_the_centre(rows: int, columns: int, y: float, x: float, corner: tuple[int, int]) -> None:
    shift = place_donor(np.ones((rows, columns), bool), corner, np.array([y, x]))
    landed = np.array(corner) + shift + (np.array([rows, columns]) - 1) / 2
    assert np.abs(landed - (y, x)).max() <= 0.5 + 1e-9
