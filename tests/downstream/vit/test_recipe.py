"""Augmentation, mixing and schedule: each does what its name says, from the generator passed in alone."""

import random

import numpy as np
import pytest
import torch
from PIL import Image

from bench.contract import Budget
from downstream.vit import Recipe, ViTConfig
from downstream.vit.augment import augment, cut, erase, jitter
from downstream.vit.mixing import draw_mask, mix, targets
from downstream.vit.randaugment import OPERATIONS, randaugment
from downstream.vit.schedule import evaluation_steps, rate, steps_of
from tests.toy_textures import TextureDataset

IMAGE = TextureDataset(1, size=48)[1].image
OFF = Recipe(symmetries="none", crop=(1.0, 1.0), operations=0, erasing=0, mixup=0, cutmix=0)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_nothing_is_left_when_all_is_off() -> None:
    assert (augment(IMAGE, 48, OFF, rng()) == IMAGE).all()


def test_a_function_of_image_and_generator_alone() -> None:
    recipe = Recipe(jitter=0.2, erasing=1.0)
    random.seed(1)
    np.random.seed(1)
    one = augment(IMAGE, 32, recipe, rng(5))
    random.seed(2)
    np.random.seed(2)
    assert one.shape == (32, 32, 3)
    assert one.dtype == np.uint8
    assert (one == augment(IMAGE, 32, recipe, rng(5))).all()
    assert (one != augment(IMAGE, 32, recipe, rng(6))).any()
    state = np.random.get_state()[1]
    augment(IMAGE, 32, recipe, rng(7))
    assert (np.random.get_state()[1] == state).all()


@pytest.mark.parametrize(("symmetries", "n"), [("none", 1), ("flip", 2), ("all", 8)])
def test_symmetries(symmetries: str, n: int) -> None:
    image = rng().integers(0, 256, (8, 8, 3), dtype=np.uint8)
    recipe = OFF.model_copy(update={"symmetries": symmetries})
    found = {augment(image, 8, recipe, rng(seed)).tobytes() for seed in range(100)}
    assert len(found) == n
    assert image.tobytes() in found


def test_cuts_have_the_area_asked_for() -> None:
    # each pixel holds its own row and column: the cut's first and last ones give its size
    y, x = np.mgrid[:200, :200]
    image = np.stack([y, x, y], -1).astype(np.uint8)
    areas = []
    for seed in range(200):
        part = cut(image, 200, Recipe(crop=(0.25, 0.5)), rng(seed)).astype(int)
        h, w = (np.ptp(part[..., c]) + 1 for c in (0, 1))
        areas.append(h * w / 200**2)
        assert 0.7 < w / h < 1.4
    assert 0.22 < min(areas) < 0.28
    assert 0.45 < max(areas) < 0.53
    assert cut(image[:10], 16, Recipe(crop=(0.9, 1.0)), rng()).shape == (16, 16, 3)  # no cut fits: the middle


def test_erasing_fills_one_rectangle_with_noise() -> None:
    image = np.zeros((64, 64, 3), np.uint8)
    shares = []
    for seed in range(100):
        changed = (erase(image, rng(seed)) > 0).any(-1)
        rows, columns = changed.any(1).nonzero()[0], changed.any(0).nonzero()[0]
        assert changed.mean() > 0.9 * np.ptp(rows) * np.ptp(columns) / 64**2
        shares.append(changed.mean())
    assert 0.01 < min(shares) < 0.06
    assert 0.25 < max(shares) < 0.35
    assert not image.any()


def test_jitter_stays_within_its_strength() -> None:
    flat = np.full((8, 8, 3), 100, np.uint8)
    levels = np.array([jitter(flat, 0.3, rng(seed))[0, 0, 0] for seed in range(200)])
    assert 69 <= levels.min() < 75
    assert 125 < levels.max() <= 131


def test_every_operation_does_something_and_nothing_at_level_zero() -> None:
    picture = Image.fromarray(IMAGE)
    levelled = OPERATIONS[3:]
    for place, operation in enumerate(OPERATIONS):
        strong = np.array(operation(picture, 0.9, rng()))
        assert strong.shape == IMAGE.shape
        assert (strong != IMAGE).any(), place
    still = [(np.array(operation(picture, 0.0, rng())) == IMAGE).all() for operation in levelled]
    assert sum(not same for same in still) == 1  # posterising keeps 4 bits at its weakest


def test_half_of_the_operations_are_left_out() -> None:
    same = sum((randaugment(IMAGE, 1, 9, 0.5, rng(seed)) == IMAGE).all() for seed in range(400))
    assert 160 < same < 250


def test_labels_are_mixed_as_the_pixels_are() -> None:
    images = torch.stack([torch.full((16, 16, 3), value, dtype=torch.uint8) for value in (0, 80, 160, 240)])
    labels = torch.tensor([0, 1, 2, 0])
    boxes = 0
    for seed in range(60):
        mask = draw_mask(16, Recipe(), rng(seed))
        assert mask is not None
        boxes += len(np.unique(mask)) == 2 or mask.max() == 0
        mixed, wanted = mix(images, torch.from_numpy(mask)), targets(labels, 3, 0.0, torch.from_numpy(mask))
        share = wanted[1, 1]  # of image 1 in itself; its partner is image 2
        assert torch.isclose(mixed[1].mean(), 80 * share + 160 * (1 - share), atol=1e-3)
        assert torch.isclose(wanted[1, 2], 1 - share)
        torch.testing.assert_close(wanted[0], torch.tensor([1.0, 0, 0]))  # both partners are of class 0
    assert 15 < boxes < 45


def test_mixing_can_be_turned_off_and_one_sided() -> None:
    assert draw_mask(16, OFF, rng()) is None
    assert sum(draw_mask(16, Recipe(mixing=0.25), rng(s)) is None for s in range(200)) in range(120, 180)
    assert all(len(np.unique(draw_mask(16, Recipe(cutmix=0), rng(s)))) == 1 for s in range(20))
    kept = np.mean([draw_mask(64, Recipe(mixup=0), rng(s)).mean() for s in range(400)])
    assert 0.5 < kept < 0.75  # the rectangle's area is uniform in [0, 1] but where the border cuts it


def test_smoothing() -> None:
    wanted = targets(torch.tensor([1]), 4, 0.1, None)
    torch.testing.assert_close(wanted, torch.tensor([[0.025, 0.925, 0.025, 0.025]]))


def test_schedule_is_the_releases() -> None:
    config = ViTConfig()
    steps = steps_of(Budget("epochs", 300), 5000, 128)
    assert steps == 300 * 40
    assert steps_of(Budget("steps", 7), 5000, 128) == 7
    rates = [1e-4 * rate(step, steps, config) for step in range(steps)]
    assert rates[0] == pytest.approx(1e-6)
    assert np.argmax(rates) == 200  # five epochs
    assert rates[200] == pytest.approx(1e-4)
    assert rates[-1] == pytest.approx(1e-5, rel=1e-3)
    assert rates[200 + 11800 // 2] == pytest.approx(5.5e-5, rel=1e-3)


def test_hold_out_is_looked_at_evenly_and_at_the_end() -> None:
    assert evaluation_steps(100, 4) == {25, 50, 75, 100}
    assert evaluation_steps(3, 20) == {1, 2, 3}
    assert max(evaluation_steps(7800, 20)) == 7800
