"""The stream of training patches: the share of synthetic ones, geometry, seeds, faulty sets."""

from dataclasses import replace

import numpy as np
import pytest

from bench.contract import Sample, TrainingMix
from bench.errors import DataError
from downstream.augment import Augmentation, scale_contrast, scale_saturation, shift_hue
from downstream.patches import Patch, PatchStream, mirrored, patches_per_epoch, window
from tests.toy import NucleiDataset

PLAIN = Augmentation(affine=False, blur=False, hue=0, saturation=0, brightness=0, contrast=(1, 1))
"""Geometry alone, without affine maps."""


def stream(fraction: float = 0.0, augmentation: Augmentation = PLAIN, context: int = 0, size: int = 32) -> PatchStream:
    real = NucleiDataset(3, 96, seed=0)
    synthetic = NucleiDataset(5, 32, seed=9, split="synthetic") if fraction else None
    return PatchStream(TrainingMix(real, synthetic, fraction), size, context, augmentation, seed=4)


def rng(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize("fraction", [0.0, 0.1, 1 / 3, 0.5, 0.2, 0.9])
def test_any_stretch_holds_its_share(fraction: float) -> None:
    patches = stream(fraction)
    synthetic = np.array([patches.is_synthetic(index) for index in range(600)])
    for size in (10, 16, 600):
        shares = synthetic[: 600 // size * size].reshape(-1, size).sum(1)
        assert (np.abs(shares - fraction * size) < 1 + 1e-6).all()
    assert synthetic.sum() == round(600 * fraction)


def test_patches_are_what_the_stream_says() -> None:
    patches = stream(0.5)
    drawn = [patches.patch(index, rng(index)) for index in range(12)]
    assert [p.synthetic for p in drawn] == [patches.is_synthetic(index) for index in range(12)]
    assert {p.image.shape for p in drawn} == {(32, 32, 3)}


def test_all_synthetic_patches_are_used_in_turn() -> None:
    patches = stream(0.5)
    sources = NucleiDataset(5, 32, seed=9).samples
    seen = []
    for index in range(1, 20, 2):
        patch = patches.patch(index, rng(index))
        matches = [k for k, s in enumerate(sources) if sorted(patch.image.ravel()) == sorted(s.image.ravel())]
        seen.extend(matches)
    assert sorted(seen[:5]) == sorted(seen[5:]) == [0, 1, 2, 3, 4]


def test_synthetic_patches_are_flipped_and_turned_only() -> None:
    """A rotation by any other angle would bring in corners that nobody drew, with label 0."""
    patches = stream(0.5, PLAIN.model_copy(update={"affine": True}))
    sources = NucleiDataset(5, 32, seed=9).samples
    symmetries = set()
    for index in range(1, 120, 2):
        patch = patches.patch(index, rng(index))
        found = [
            (turns, flip)
            for s in sources
            for turns in range(4)
            for flip in (1, -1)
            if np.array_equal(np.rot90(s.image, turns)[:, ::flip], patch.image)
            and np.array_equal(np.rot90(s.types[s.instances - 1] * (s.instances > 0), turns)[:, ::flip], patch.types)
        ]
        assert len(found) == 1
        symmetries.update(found)
    assert len(symmetries) == 8


@pytest.mark.parametrize("affine", [False, True])
def test_labels_follow_the_image(affine: bool) -> None:
    """Toy nuclei are far darker than the background, so the image alone tells where they are."""
    patches = stream(augmentation=PLAIN.model_copy(update={"affine": affine}), context=8)
    agreement = []
    for index in range(30):
        patch = patches.patch(index, rng(index))
        assert patch.instances.shape == patch.types.shape == (48, 48)
        label = patch.instances[8:-8, 8:-8] > 0
        agreement.append((label == (patch.image[..., 1] < 140)).mean())
        assert ((patch.types > 0) == (patch.instances > 0)).all()
    assert min(agreement) > 0.99


def test_affine_patches_have_no_empty_corners() -> None:
    patches = stream(augmentation=PLAIN.model_copy(update={"affine": True}), size=80)
    for index in range(20):
        image = patches.patch(index, rng(index)).image
        assert image.sum(-1, dtype=int).min() > 60


def test_identity_map_is_a_plain_crop() -> None:
    still = {"affine": True, "scale": (1, 1), "translate": 0, "shear": 0, "rotate": 0}
    data = NucleiDataset(1, 48)
    image = data.samples[0].image
    crops = {
        np.rot90(image[y : y + 32, x : x + 32], turns)[:, ::flip].tobytes()
        for y in range(17)
        for x in range(17)
        for turns in range(4)
        for flip in (1, -1)
    }
    for augmentation in (PLAIN, PLAIN.model_copy(update=still)):
        patches = PatchStream(TrainingMix(data), 32, 0, augmentation, 0)
        assert patches.patch(0, rng(1)).image.tobytes() in crops


def test_a_patch_depends_on_its_arguments_alone() -> None:
    first, second = stream(0.5, Augmentation()), stream(0.5, Augmentation())
    ahead = [first.patch(index, rng(index)) for index in (0, 1, 2, 3)]
    back = [second.patch(index, rng(index)) for index in (3, 2, 1, 0)][::-1]
    for one, other in zip(ahead, back, strict=True):
        np.testing.assert_array_equal(one.image, other.image)
        np.testing.assert_array_equal(one.instances, other.instances)
    assert not np.array_equal(ahead[0].image, first.patch(0, rng(99)).image)


def test_tiles_are_drawn_by_area() -> None:
    data = NucleiDataset(2, 40)
    data.samples[1] = NucleiDataset(1, 120, seed=5).samples[0]
    small = {data.samples[0].image[y, x].tobytes() for y in range(40) for x in range(40)}
    patches = PatchStream(TrainingMix(data), 16, 0, PLAIN, 0)
    from_small = sum(patches.patch(i, rng(i)).image[3, 3].tobytes() in small for i in range(400))
    # 1600 of 16000 pixels; a colour of the large tile may occur in the small one by chance.
    assert 0.05 < from_small / 400 < 0.25


def test_weighted_tiles_are_drawn_by_weight_and_area() -> None:
    data = NucleiDataset(3, 40)
    data.samples = [replace(s, tissue=str(k)) for k, s in enumerate(data.samples)]
    data.samples[2] = replace(NucleiDataset(1, 80, seed=5).samples[0], tissue="2")
    patches = PatchStream(TrainingMix(data), 16, 0, PLAIN, 0, weights=np.array([1, 5, 0.5], np.float32))
    drawn = [patches.patch(i, rng(i)).tissue for i in range(800)]
    # weights times areas are 1 : 5 : 2
    assert [drawn.count(tissue) / 800 for tissue in "012"] == pytest.approx([1 / 8, 5 / 8, 2 / 8], abs=0.05)
    never = PatchStream(TrainingMix(data), 16, 0, PLAIN, 0, weights=np.array([0, 1, 0], np.float32))
    assert {never.patch(i, rng(i)).tissue for i in range(50)} == {"1"}


@pytest.mark.parametrize(("side", "turned_only"), [(32, True), (33, False)])
def test_real_tiles_without_a_margin_are_flipped_and_turned_only(side: int, turned_only: bool) -> None:
    """A tile of the size of a patch, as in PanNuke, has no pixels that a rotation could bring in."""
    data = NucleiDataset(1, side)
    patches = PatchStream(TrainingMix(data), 32, 4, PLAIN.model_copy(update={"affine": True}), 0)
    image = data.samples[0].image
    symmetries = {
        np.rot90(image[y : y + 32, x : x + 32], turns)[:, ::flip].tobytes()
        for y in range(side - 31)
        for x in range(side - 31)
        for turns in range(4)
        for flip in (1, -1)
    }
    drawn = {patches.patch(i, rng(i)).image.tobytes() for i in range(100)}
    assert (drawn <= symmetries) == turned_only
    assert not turned_only or len(drawn) == 8


def test_a_network_may_change_patches_itself() -> None:
    def blacken(patch: Patch, rng: np.random.Generator) -> Patch:
        return patch._replace(image=np.zeros_like(patch.image))

    mix = TrainingMix(NucleiDataset(1, 48), NucleiDataset(1, 32, seed=9), 0.5)
    patches = PatchStream(mix, 32, 0, Augmentation(), 0, augment=blacken)
    assert [patches.patch(i, rng(i)).image.max() for i in range(4)] == [0] * 4


def test_synthetic_patches_smaller_than_the_input_are_mirrored_on_all_sides() -> None:
    mix = TrainingMix(NucleiDataset(1, 96), NucleiDataset(1, 32, seed=9), 0.9)
    patches = PatchStream(mix, 38, 0, PLAIN, 0)
    index = next(i for i in range(9) if patches.is_synthetic(i))
    image = NucleiDataset(1, 32, seed=9).samples[0].image
    enlarged = np.pad(image, ((3, 3), (3, 3), (0, 0)), mode="reflect")
    symmetries = [np.rot90(enlarged, turns)[:, ::flip].tobytes() for turns in range(4) for flip in (1, -1)]
    patch = patches.patch(index, rng(index))
    assert patch.image.tobytes() in symmetries
    assert patch.instances.shape == (38, 38)


def test_patches_of_tiles_smaller_than_a_patch_are_mirrored() -> None:
    patches = PatchStream(TrainingMix(NucleiDataset(1, 24)), 32, 4, PLAIN, 0)
    patch = patches.patch(0, rng(0))
    assert patch.image.shape == (32, 32, 3)
    assert patch.instances.shape == (40, 40)
    assert patch.image.sum(-1, dtype=int).min() > 60


def test_mirror_images_are_nuclei_of_their_own() -> None:
    instances = np.zeros((20, 20), np.int32)
    instances[8:12, 4:8] = 1
    sample = Sample("a", np.zeros((20, 20, 3), np.uint8), "g", 0.25, instances, np.array([2], np.uint8))
    _, found, types = window(sample, 0, -12, 20)
    assert len(np.unique(found[found > 0])) == 2
    assert (types[found > 0] == 2).all()


def test_mirroring_is_that_of_numpy() -> None:
    values = np.arange(7)
    np.testing.assert_array_equal(values[mirrored(-9, 30, 7)], np.pad(values, (9, 14), mode="reflect"))
    np.testing.assert_array_equal(mirrored(-2, 5, 1), 0)


def test_epoch_of_the_published_tiles() -> None:
    tiles = NucleiDataset(1, 16)
    blank = replace(tiles.samples[0], image=np.zeros((1000, 1000, 3), np.uint8))
    tiles.samples = [blank] * 27
    assert patches_per_epoch(TrainingMix(tiles), 256, 164) == 1323
    assert patches_per_epoch(TrainingMix(tiles, tiles, 0.5), 256, 164) == 2646


def test_colour_jitter_is_what_it_says() -> None:
    image = rng(0).integers(40, 200, (8, 8, 3), dtype=np.uint8)
    np.testing.assert_allclose(scale_contrast(image, 1.0), image, atol=1)
    assert scale_contrast(image, 0.75).std() == pytest.approx(0.75 * image.astype(float).std(), rel=0.1)
    grey = scale_saturation(image, 0.0)
    assert np.ptp(grey, axis=2).max() == 0
    np.testing.assert_array_equal(shift_hue(image, 180), shift_hue(image, 360))
    assert not np.array_equal(shift_hue(image, 8), shift_hue(image, 0))


def test_sets_that_do_not_fit_are_refused() -> None:
    real = NucleiDataset(2, 64)
    with pytest.raises(DataError, match="of synthetic patches, but there are none"):
        PatchStream(TrainingMix(real, None, 0.5), 32, 0, PLAIN, 0)
    with pytest.raises(DataError, match="resolution"):
        PatchStream(TrainingMix(real, NucleiDataset(2, 64, mpp=0.25), 0.5), 32, 0, PLAIN, 0)
    with pytest.raises(DataError, match="real tiles"):
        PatchStream(TrainingMix(NucleiDataset(0, 64)), 32, 0, PLAIN, 0)
    unlabelled = NucleiDataset(1, 64)
    unlabelled.samples[0] = replace(unlabelled.samples[0], instances=None)
    with pytest.raises(DataError, match="instances and types"):
        PatchStream(TrainingMix(unlabelled), 32, 0, PLAIN, 0)
    short = NucleiDataset(1, 64)
    short.samples[0] = replace(short.samples[0], types=short.samples[0].types[:-1])
    with pytest.raises(DataError, match="differs from the number of instances"):
        PatchStream(TrainingMix(short), 32, 0, PLAIN, 0)
