"""Controls: what each of them shows, and that it can be made again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from bench.contract import Condition, MethodBase, Sample
from bench.errors import BenchError, DataError
from methods.controls import Classic, Copy, MoreReal, Noise, RealOnly, RecompressedReal, ShuffledLabels
from methods.controls.classic import turn
from methods.controls.noise import channel_moments
from methods.controls.recompressed import recompress
from methods.controls.shuffled import partner
from methods.controls.stain_jitter import HED_UNIT, jitter_stains, optical_density
from methods.patches import Crop, crop_labels
from tests import toy

SIZE = 32
DRAWING = [Copy, Noise, Classic, MoreReal, ShuffledLabels, RecompressedReal]


def data() -> dict[str, toy.NucleiDataset]:
    return {"train": toy.NucleiDataset(4, 96), "fresh": toy.NucleiDataset(3, 96, seed=9, split="fresh")}


def make(kind: type) -> MethodBase:
    return kind(kind.Config(patch_size=SIZE, grid=4))


def draw(kind: type, n: int = 9, seed: int = 0) -> tuple[list[Condition], list[np.ndarray]]:
    method, views = make(kind), data()
    views = {role: views[role] for role in kind.roles}
    conditions = list(method.plan(views, n, np.random.default_rng(seed)))
    return conditions, list(method.render(conditions, views, {}, toy.Run()))


def windows(conditions: list[Condition], where: toy.NucleiDataset) -> Iterator[tuple]:
    """Yield image, instances and types of each condition's own window, cut from the tile."""
    for condition in conditions:
        sample = next(sample for sample in where.samples if sample.id == condition.sources["train"])
        y, x = condition.crop
        labels = crop_labels(sample.instances, sample.types, y, x, SIZE, min_area=3)
        yield sample.image[y : y + SIZE, x : x + SIZE], *labels


@pytest.mark.parametrize("kind", DRAWING)
def test_every_control_draws_labelled_patches(kind: type) -> None:
    conditions, images = draw(kind)
    assert isinstance(make(kind), MethodBase)
    assert len(conditions) == len(images) == 9
    assert len({condition.id for condition in conditions}) == 9
    for condition, image in zip(conditions, images, strict=True):
        assert image.dtype == np.uint8
        assert image.shape == (SIZE, SIZE, 3)
        assert condition.instances.shape == (SIZE, SIZE)
        assert condition.instances.dtype == np.int32
        assert condition.caption == "discs on pink"
        np.testing.assert_array_equal(np.unique(condition.instances)[1:], np.arange(len(condition.types)) + 1)
        assert json.loads(json.dumps(condition.recipe)) == condition.recipe


@pytest.mark.parametrize("kind", DRAWING)
def test_every_control_follows_its_seed(kind: type) -> None:
    (first, images), (again, images_again), (other, _) = draw(kind), draw(kind), draw(kind, seed=1)
    np.testing.assert_array_equal(images, images_again)
    for one, two in zip(first, again, strict=True):
        np.testing.assert_array_equal(one.instances, two.instances)
        assert (one.id, one.sources, one.crop, one.recipe, one.seed) == (
            two.id,
            two.sources,
            two.crop,
            two.recipe,
            two.seed,
        )
    differs = [
        (a.sources, a.crop, a.recipe) != (b.sources, b.crop, b.recipe) for a, b in zip(first, other, strict=True)
    ]
    assert any(differs)


@pytest.mark.parametrize("kind", DRAWING)
def test_render_depends_on_conditions_alone(kind: type) -> None:
    conditions, images = draw(kind)
    pieces: list[np.ndarray] = []
    for start in (0, 2, 5):
        stop = {0: 2, 2: 5, 5: 9}[start]
        pieces += make(kind).render(conditions[start:stop], data(), {}, toy.Run(start))
    np.testing.assert_array_equal(images, pieces)


class Tissue(toy.NucleiDataset):
    """Images with a class of their own, as large as a patch, in the order 0, 1, 2, 0, ..."""

    task = "tissue"

    @property
    def info(self):
        return replace(super().info, task=self.task, classes=(), labels=("a", "b", "c"), rare=())

    def __getitem__(self, index: int):
        return replace(super().__getitem__(index), instances=None, types=None, label=index % 3)


@pytest.mark.parametrize("kind", DRAWING)
def test_images_with_a_class_of_their_own_keep_it(kind: type) -> None:
    size = make(kind).config.patch_size
    views = {"train": Tissue(6, size), "fresh": Tissue(6, size, seed=1, split="fresh")}
    conditions = list(make(kind).plan(views, 12, np.random.default_rng(0)))
    images = list(make(kind).render(conditions, views, {}, toy.Run()))
    assert {image.shape for image in images} == {(size, size, 3)}
    assert all(condition.instances is None for condition in conditions)
    assert {condition.label for condition in conditions} == {0, 1, 2}
    if kind in (Copy, ShuffledLabels):
        places = {name: index for index, name in enumerate(views["train"].ids)}
        true = [places[condition.sources["train"]] % 3 for condition in conditions]
        right = np.mean([condition.label == label for condition, label in zip(conditions, true, strict=True)])
        assert right == 1 if kind is Copy else right == 0


class Captioned(Tissue):
    """Images with captions only; every second caption has no image."""

    task = "text"

    def __getitem__(self, index: int) -> Sample:
        sample = super().__getitem__(index)
        image = sample.image if index % 2 == 0 else np.zeros((0, 0, 3), np.uint8)
        return replace(sample, image=image, label=None, caption=f"caption {index}")


@pytest.mark.parametrize("kind", [Copy, Noise, Classic, MoreReal, RecompressedReal])
def test_images_with_captions_keep_them(kind: type) -> None:
    views = {"train": Captioned(4, SIZE), "fresh": Captioned(4, SIZE, split="fresh")}
    conditions = list(make(kind).plan(views, 6, np.random.default_rng(0)))
    assert {condition.caption for condition in conditions} == {"caption 0", "caption 2"}
    images = list(make(kind).render(conditions, views, {}, toy.Run()))
    assert {image.shape for image in images} == {(SIZE, SIZE, 3)}


def test_labels_that_are_absent_are_not_exchanged() -> None:
    with pytest.raises(DataError, match="nuclei dataset"):
        list(make(ShuffledLabels).plan({"train": Captioned(4, SIZE)}, 3, np.random.default_rng(0)))


@pytest.mark.parametrize("kind", [Copy, Classic, MoreReal, ShuffledLabels, RecompressedReal])
def test_masks_without_a_tile_are_refused(kind: type) -> None:
    conditions, _ = draw(kind, 1)
    foreign = replace(conditions[0], sources={}, crop=None, recipe={})
    with pytest.raises(DataError, match=conditions[0].id):
        list(make(kind).render([foreign], data(), {}, toy.Run()))


def test_real_only_adds_nothing() -> None:
    method = RealOnly(RealOnly.Config())
    assert isinstance(method, MethodBase)
    assert method.ratio == 0
    assert list(method.plan(data(), 5, np.random.default_rng(0))) == []
    assert list(method.render([], data(), {}, toy.Run())) == []
    with pytest.raises(BenchError, match="no synthetic patch"):
        list(method.render(draw(Copy, 1)[0], data(), {}, toy.Run()))


def test_copy_is_exact() -> None:
    conditions, images = draw(Copy)
    for condition, image, (pixels, instances, types) in zip(
        conditions, images, windows(conditions, data()["train"]), strict=True
    ):
        np.testing.assert_array_equal(image, pixels)
        np.testing.assert_array_equal(condition.instances, instances)
        np.testing.assert_array_equal(condition.types, types)


def test_recompressed_patches_are_those_of_copy_after_jpeg() -> None:
    conditions, images = draw(RecompressedReal)
    plain, originals = draw(Copy)
    for condition, image, copied, original in zip(conditions, images, plain, originals, strict=True):
        assert (condition.sources, condition.crop) == (copied.sources, copied.crop)
        assert (condition.kind, condition.recipe) == ("recompressed", {"quality": 75})
        np.testing.assert_array_equal(condition.instances, copied.instances)
        np.testing.assert_array_equal(image, recompress(original, 75))
        assert 0 < np.abs(image.astype(int) - original).mean() < 20
    assert [image.tobytes() for image in draw(RecompressedReal)[1]] == [image.tobytes() for image in images]


def test_higher_quality_changes_less() -> None:
    _, originals = draw(Copy)
    costs = [
        np.mean([np.abs(recompress(image, quality).astype(int) - image).mean() for image in originals])
        for quality in (20, 50, 75, 95, 100)
    ]
    assert costs == sorted(costs, reverse=True)


def test_noise_has_the_channels_moments_and_no_structure() -> None:
    conditions, images = draw(Noise, 60)
    train = data()["train"]
    pixels = np.concatenate([sample.image.reshape(-1, 3) for sample in train.samples]).astype(np.float64)
    mean, deviation = channel_moments(train)
    np.testing.assert_allclose(mean, pixels.mean(0))
    np.testing.assert_allclose(deviation, pixels.std(0))
    drawn = np.stack(images).astype(np.float64)
    # clipping at 255 takes a little of both
    expected = np.clip(np.random.default_rng(5).normal(mean, deviation, (200_000, 3)), 0, 255)
    np.testing.assert_allclose(drawn.mean((0, 1, 2)), expected.mean(0), atol=1)
    np.testing.assert_allclose(drawn.std((0, 1, 2)), expected.std(0), atol=1)
    centred = drawn - drawn.mean((0, 1, 2))
    assert abs(np.corrcoef(centred[:, :, 1:].ravel(), centred[:, :, :-1].ravel())[0, 1]) < 0.02
    inside = np.stack([condition.instances > 0 for condition in conditions])
    assert abs(drawn[inside].mean() - drawn[~inside].mean()) < 1
    assert len({image.tobytes() for image in images}) == 60


def test_noise_draws_any_mask() -> None:
    mask = replace(draw(Noise, 1)[0][0], sources={}, crop=None, instances=np.zeros((20, 50), np.int32))
    (image,) = make(Noise).render([mask], data(), {}, toy.Run())
    assert image.shape == (20, 50, 3)
    (image,) = make(Noise).render([replace(mask, instances=None)], data(), {}, toy.Run())
    assert image.shape[:2] == (make(Noise).config.patch_size,) * 2


def test_classic_turns_labels_with_the_image() -> None:
    conditions, images = draw(Classic, 24)
    assert len({(c.recipe["flip"], c.recipe["turns"]) for c in conditions}) >= 6
    for condition, image, (pixels, instances, types) in zip(
        conditions, images, windows(conditions, data()["train"]), strict=True
    ):
        np.testing.assert_array_equal(condition.instances, turn(instances, condition.recipe))
        np.testing.assert_array_equal(condition.types, types)
        turned = turn(pixels, condition.recipe).astype(float)
        difference = np.abs(image - turned)
        assert 0 < difference.mean() < 20
        correlation = np.corrcoef(image.astype(float).ravel(), turned.ravel())[0, 1]
        assert correlation > 0.97


def test_turns_are_the_eight_symmetries() -> None:
    square = np.arange(9).reshape(3, 3)
    seen = {turn(square, {"flip": flip, "turns": k}).tobytes() for flip in (False, True) for k in range(4)}
    assert len(seen) == 8
    np.testing.assert_array_equal(turn(square, {"flip": True, "turns": 1}), np.rot90(np.fliplr(square)))


def test_stain_jitter() -> None:
    grey = np.stack(np.meshgrid(*[np.arange(0, 256, 15)] * 3), axis=-1).reshape(-1, 18, 3).astype(np.uint8)
    np.testing.assert_array_equal(jitter_stains(grey, np.ones(3), np.zeros(3)), grey)
    # a patch of pure eosin, made half as strong, and of pure haematoxylin, left alone
    for stain, expected in ((1, 0.5), (0, 1.0)):
        density = 0.8 * HED_UNIT[stain]
        pixel = np.rint(256 * np.exp(-density) - 1).astype(np.uint8)[None, None]
        changed = jitter_stains(pixel, np.array([1, 0.5, 1]), np.zeros(3))
        np.testing.assert_allclose(optical_density(changed), expected * density[None, None], atol=0.01)
    darker = jitter_stains(grey, np.ones(3), np.array([0.1, 0, 0]))
    assert np.all(darker <= grey)
    assert darker.sum() < grey.sum()


def test_more_real_shows_fresh_tiles() -> None:
    conditions, images = draw(MoreReal)
    fresh = data()["fresh"]
    for condition, image in zip(conditions, images, strict=True):
        assert (condition.sources, condition.crop, condition.kind) == ({}, None, "fresh")
        named = replace(condition, sources={"train": condition.recipe["fresh"]}, crop=tuple(condition.recipe["crop"]))
        pixels, instances, _ = next(windows([named], fresh))
        np.testing.assert_array_equal(image, pixels)
        np.testing.assert_array_equal(condition.instances, instances)


def test_more_real_refuses_training_tiles() -> None:
    train = data()["train"]
    with pytest.raises(DataError, match="also training tiles"):
        list(make(MoreReal).plan({"train": train, "fresh": train}, 3, np.random.default_rng(0)))


def test_shuffled_labels_are_of_another_patch() -> None:
    conditions, images = draw(ShuffledLabels, 12)
    train = data()["train"]
    wrong = 0
    for condition, image, (pixels, instances, _) in zip(conditions, images, windows(conditions, train), strict=True):
        np.testing.assert_array_equal(image, pixels)
        assert condition.recipe["labels"] != condition.sources["train"]
        corner = tuple(condition.recipe["labels_crop"])
        named = replace(condition, sources={"train": condition.recipe["labels"]}, crop=corner)
        np.testing.assert_array_equal(condition.instances, next(windows([named], train))[1])
        wrong += not np.array_equal(condition.instances > 0, instances > 0)
    assert wrong >= 11


@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_partners_differ(n: int) -> None:
    conditions, _ = draw(ShuffledLabels, n)
    assert len(conditions) == n
    crops = [Crop(0, 0, 0), Crop(0, 0, 0), Crop(0, 0, 0), Crop(1, 0, 0)]
    assert [partner(crops, k) for k in range(4)] == [3] * 3 + [1]
    with pytest.raises(DataError, match="two different windows"):
        partner(crops[:3], 0)
