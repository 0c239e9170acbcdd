"""A drawn tile keeps the contract of a sample and depends on its arguments alone."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from bench.datasets.phantom.config import MISCELLANEOUS, PhantomConfig
from bench.datasets.phantom.draw import MINIMUM_AREA, PhantomTile, draw_tile

CONFIG = PhantomConfig()


@pytest.fixture(scope="module")
def tiles() -> list[PhantomTile]:
    return [draw_tile(seed, f"slide-{seed}", 128, config=CONFIG) for seed in range(10)]


def test_shapes_and_types(tiles: list[PhantomTile]) -> None:
    for tile in tiles:
        assert tile.image.shape == (128, 128, 3)
        assert tile.image.dtype == np.uint8
        assert tile.instances.shape == (128, 128)
        assert tile.instances.dtype == np.int32
        assert tile.types.dtype == np.uint8


def test_ids_are_one_to_n_and_every_one_has_a_class(tiles: list[PhantomTile]) -> None:
    for tile in tiles:
        np.testing.assert_array_equal(np.unique(tile.instances[tile.instances > 0]), np.arange(1, len(tile.types) + 1))
        assert set(tile.types.tolist()) <= {1, 2, 3, 4}


def test_an_instance_is_one_region_large_enough(tiles: list[PhantomTile]) -> None:
    for tile in tiles:
        for label in range(1, len(tile.types) + 1):
            mask = tile.instances == label
            assert mask.sum() >= MINIMUM_AREA
            assert ndimage.label(mask, structure=np.ones((3, 3)))[1] == 1


def test_nuclei_touch_and_cross_the_border(tiles: list[PhantomTile]) -> None:
    touching = crossing = total = 0
    for tile in tiles:
        beside = (tile.instances[:, 1:], tile.instances[:, :-1])
        pair = (beside[0] != beside[1]) & (beside[0] > 0) & (beside[1] > 0)
        touching += len(np.unique(np.concatenate([beside[0][pair], beside[1][pair]])))
        edge = np.concatenate([tile.instances[0], tile.instances[-1], tile.instances[:, 0], tile.instances[:, -1]])
        crossing += len(np.unique(edge[edge > 0]))
        total += len(tile.types)
    assert touching > 0.15 * total
    assert crossing > 0.1 * total


def test_same_arguments_same_tile() -> None:
    first, second = (draw_tile(3, "a", 96, config=CONFIG) for _ in range(2))
    np.testing.assert_array_equal(first.image, second.image)
    np.testing.assert_array_equal(first.instances, second.instances)
    np.testing.assert_array_equal(first.types, second.types)
    assert first.caption == second.caption


@pytest.mark.parametrize(
    ("seed", "group", "config"),
    [(4, "a", CONFIG), (3, "b", CONFIG), (3, "a", PhantomConfig(seed=1))],
    ids=["seed", "group", "config seed"],
)
def test_another_argument_another_tile(seed: int, group: str, config: PhantomConfig) -> None:
    tile, other = draw_tile(3, "a", 96, config=CONFIG), draw_tile(seed, group, 96, config=config)
    assert (tile.image != other.image).mean() > 0.5
    assert (tile.instances > 0).sum() != (other.instances > 0).sum()


def test_the_global_generator_is_left_alone() -> None:
    before = np.random.get_state()[1].copy()
    draw_tile(0, "a", 64, config=CONFIG)
    np.testing.assert_array_equal(np.random.get_state()[1], before)


@pytest.mark.parametrize("size", [48, 100, 161])
def test_any_size(size: int) -> None:
    tile = draw_tile(1, "a", size, config=CONFIG)
    assert tile.image.shape == (size, size, 3)
    assert tile.instances.shape == (size, size)


def test_labels_lie_on_dark_nuclei(tiles: list[PhantomTile]) -> None:
    # red light is what hematoxylin takes away; a label shifted by a nucleus's width would lose the contrast
    darker = shifted = 0.0
    for tile in tiles:
        red = tile.image[..., 0].astype(float)
        mask = tile.instances > 0
        if mask.sum() > 200:
            darker += red[~mask].mean() - red[mask].mean()
            moved = np.roll(mask, (18, 18), axis=(0, 1))
            shifted += red[~moved].mean() - red[moved].mean()
    assert darker > 0
    assert shifted < 0.35 * darker


def test_knobs_turn_what_they_name() -> None:
    def tile(**knobs: float) -> list[PhantomTile]:
        return [draw_tile(seed, f"s{seed}", 128, config=PhantomConfig(**knobs)) for seed in range(10)]

    def count(tiles: list[PhantomTile]) -> int:
        return sum(len(tile.types) for tile in tiles)

    def rare(tiles: list[PhantomTile]) -> int:
        return sum(int((tile.types == MISCELLANEOUS).sum()) for tile in tiles)

    plain = tile()
    assert count(tile(density=0.4)) < 0.7 * count(plain)
    assert rare(tile(rare=0.0)) == 0
    assert rare(tile(rare=5.0)) > rare(plain)
