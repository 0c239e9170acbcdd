"""Extra augmentation: off by default, image and labels together, each operation on known images."""

from __future__ import annotations

import numpy as np
import pytest

from downstream.augment_extra import ExtraAugmentation, extra, resampled
from downstream.patches import Patch

COLOURS = np.array([(230, 200, 220), (90, 40, 130), (150, 60, 160)], np.uint8)
ALL = ExtraAugmentation(downscale=1, blur=1, noise=1, jitter=1, superpixels=1, zoom_blur=1, crop=1, elastic=1)


def patch(size: int = 64) -> Patch:
    """Two textured discs of their own classes and colours."""
    rows, columns = np.mgrid[:size, :size]
    instances = np.zeros((size, size), np.int32)
    for number, (y, x) in enumerate(((20, 24), (44, 40)), 1):
        instances[(rows - y) ** 2 + (columns - x) ** 2 < 81] = number
    types = instances.astype(np.uint8)
    texture = np.random.default_rng(0).normal(0, 6, (size, size, 3))
    return Patch(np.clip(COLOURS[types] + texture, 0, 255).astype(np.uint8), instances, types, False)


def only(name: str, **strength: float) -> Patch:
    return extra(patch(), np.random.default_rng(3), ExtraAugmentation(**{name: 1}, **strength))


def test_is_off_by_default_and_draws_nothing() -> None:
    rng = np.random.default_rng(0)
    before = rng.bit_generator.state
    given = patch()
    assert all(a is b for a, b in zip(extra(given, rng, ExtraAugmentation()), given, strict=True))
    assert rng.bit_generator.state == before


def test_depends_on_the_generator_only() -> None:
    first, same, other = (extra(patch(), np.random.default_rng(seed), ALL) for seed in (1, 1, 2))
    for a, b in zip(first[:3], same[:3], strict=True):
        np.testing.assert_array_equal(a, b)
    assert (first.image != other.image).any()
    assert first.image.shape == (64, 64, 3)
    assert first.instances.shape == first.types.shape == (64, 64)
    assert (first.image.dtype, first.instances.dtype, first.types.dtype) == (np.uint8, np.int32, np.uint8)


@pytest.mark.parametrize("name", ["downscale", "blur", "noise", "jitter", "superpixels", "zoom_blur"])
def test_colours_leave_labels_alone(name: str) -> None:
    changed = only(name, zoom_limit=1.3)
    assert (changed.image != patch().image).mean() > 0.02
    assert np.abs(changed.image.astype(int) - patch().image).mean() < 60
    np.testing.assert_array_equal(changed.instances, patch().instances)
    np.testing.assert_array_equal(changed.types, patch().types)


@pytest.mark.parametrize("name", ["crop", "elastic"])
@pytest.mark.parametrize("seed", range(4))
def test_geometry_moves_image_and_labels_together(name: str, seed: int) -> None:
    changed = extra(patch(), np.random.default_rng(seed), ExtraAugmentation(**{name: 1}))
    nearest = np.abs(changed.image[:, :, None].astype(int) - COLOURS).sum(-1).argmin(-1)
    assert (nearest == changed.types).mean() > 0.96  # all but mixed pixels at borders
    assert ((changed.instances > 0) == (changed.types > 0)).all()
    assert (changed.types != patch().types).mean() > 0.02


def test_crop_enlarges() -> None:
    shares = [
        (extra(patch(), np.random.default_rng(seed), ExtraAugmentation(crop=1)).instances > 0).mean()
        for seed in range(30)
    ]
    assert np.mean(shares) > 1.3 * (patch().instances > 0).mean()


def test_a_whole_crop_changes_nothing() -> None:
    whole = only("crop", crop_least=1.0)
    np.testing.assert_array_equal(whole.image, patch().image)
    np.testing.assert_array_equal(whole.types, patch().types)


def test_mirror_images_are_separate_nuclei() -> None:
    size = 64
    xs, ys = np.meshgrid(np.arange(size, dtype=np.float32) - 30, np.arange(size, dtype=np.float32))
    doubled = resampled(patch(), xs, ys)
    kinds = {int(n): set(doubled.types[doubled.instances == n].tolist()) for n in np.unique(doubled.instances) if n}
    assert sorted(kinds) == [1, 2, 3]  # one disc and both mirrored ones, of which one is cut
    assert all(len(found) == 1 for found in kinds.values())


def test_downscaling_makes_blocks() -> None:
    image = only("downscale").image
    np.testing.assert_array_equal(image[::2, ::2], image[1::2, 1::2])


def test_noise_has_at_most_the_given_variance() -> None:
    flat = Patch(np.full((64, 64, 3), 128, np.uint8), np.zeros((64, 64), np.int32), np.zeros((64, 64), np.uint8), False)
    found = [
        extra(flat, np.random.default_rng(seed), ExtraAugmentation(noise=1)).image.astype(float).var()
        for seed in range(40)
    ]
    assert max(found) < 54
    assert 15 < np.mean(found) < 35  # uniform up to 50


def test_superpixels_take_mean_colours() -> None:
    assert np.abs(only("superpixels", superpixels_replaced=1.0).image.astype(int) - patch().image).mean() < 8
    same = only("superpixels", superpixels_replaced=0.0)
    np.testing.assert_array_equal(same.image, patch().image)
