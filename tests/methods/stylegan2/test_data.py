"""Batches of labelled images."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bench.contract import Sample
from bench.errors import DataError
from methods.stylegan2.config import TrainingSettings
from methods.stylegan2.data import LabelledImages
from tests import toy
from tests.toy_tissue import TissueDataset

DATA = TissueDataset(10, 16)


def test_an_epoch_shows_every_image_once() -> None:
    images, settings = LabelledImages(DATA, 16, 0), TrainingSettings(batch_size=4)
    batches = [images.batch(settings, step, np.random.default_rng(step)) for step in range(5)]
    shown = np.concatenate([batch["image"] for batch in batches])
    assert shown.shape == (20, 3, 16, 16)
    assert shown.dtype == np.uint8
    numbers = [next(i for i in range(10) if (images.images[i] == image).all()) for image in shown]
    assert sorted(numbers[:10]) == sorted(numbers[10:]) == list(range(10))
    assert numbers[:10] != numbers[10:]
    assert np.concatenate([batch["label"] for batch in batches]).tolist() == [number % 3 for number in numbers]
    np.testing.assert_array_equal(images.images[4].transpose(1, 2, 0), DATA[4].image)


def test_drawn_classes_have_the_frequencies_of_the_data() -> None:
    images = LabelledImages(DATA, 16, 0)
    batch = images.batch(TrainingSettings(batch_size=4000), 0, np.random.default_rng(0))
    for name in ("generator", "path", "discriminator"):
        shares = np.bincount(batch[f"label_{name}"]) / 4000
        np.testing.assert_allclose(shares, [0.4, 0.3, 0.3], atol=0.03)
    assert not np.array_equal(batch["label_generator"], batch["label_path"])


def test_mirrors_only_where_asked() -> None:
    images = LabelledImages(DATA, 16, 0)
    plain, mirrored = (_drawn(images, symmetries) for symmetries in ("none", "flip"))
    turned = [bool((a == b[:, :, ::-1]).all()) for a, b in zip(plain, mirrored, strict=True)]
    assert 0 < sum(turned) < 10
    assert all(t or (a == b).all() for t, a, b in zip(turned, plain, mirrored, strict=True))


def test_turns_and_mirrors_by_each_of_the_squares_eight_symmetries() -> None:
    images = LabelledImages(DATA, 16, 0)
    ways = set()
    for seed in range(12):
        for plain, turned in zip(_drawn(images, "none", seed), _drawn(images, "all", seed), strict=True):
            square = [np.rot90(side, turn, (1, 2)) for side in (plain, plain[:, :, ::-1]) for turn in range(4)]
            (way,) = (number for number, candidate in enumerate(square) if np.array_equal(candidate, turned))
            ways.add(way)
    assert ways == set(range(8))


def _drawn(images: LabelledImages, symmetries: str, seed: int = 0) -> np.ndarray:
    settings = TrainingSettings.model_validate({"batch_size": 10, "symmetries": symmetries})
    return images.batch(settings, 0, np.random.default_rng(seed))["image"]


def test_steps_of_the_published_epochs() -> None:
    images = LabelledImages(DATA, 16, 0)
    assert images.steps(TrainingSettings()) == 16  # 100 epochs of 10 images in batches of 64
    assert images.steps(TrainingSettings(steps=7)) == 7


class _Unlabelled(TissueDataset):
    def __getitem__(self, index: int) -> Sample:
        return replace(super().__getitem__(index), label=None)


def test_what_cannot_be_trained_on_is_named() -> None:
    with pytest.raises(DataError, match="needs a class"):
        LabelledImages(_Unlabelled(2, 16), 16, 0)
    with pytest.raises(DataError, match="image-level classes"):
        LabelledImages(toy.NucleiDataset(1, 16), 16, 0)
    with pytest.raises(DataError, match="must have 32 x 32"):
        LabelledImages(DATA, 32, 0)
    with pytest.raises(DataError, match="images to train on"):
        LabelledImages(TissueDataset(0, 16), 16, 0)
