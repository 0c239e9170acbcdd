"""The stream of labelled images: its share, its order, its refusals."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from bench.contract import TrainingMix
from bench.errors import DataError
from downstream import images as module
from downstream.images import ImageStream, LabelledImages, images_per_epoch, synthetic_images, to_square
from tests.toy_textures import TextureDataset


def stream(fraction: float, seed: int = 0) -> ImageStream:
    real, synthetic = TextureDataset(4), TextureDataset(2, seed=1, split="made")
    return ImageStream(LabelledImages(real), LabelledImages(synthetic), fraction, seed)


@pytest.mark.parametrize("fraction", [0.0, 0.2, 1 / 3, 0.5, 0.75, 1.0])
def test_any_stretch_holds_its_share(fraction: float) -> None:
    made = np.array([stream(fraction).is_synthetic(i) for i in range(300)])
    for first, last in ((0, 300), (7, 60), (101, 222)):
        assert abs(made[first:last].sum() - fraction * (last - first)) <= 1
    assert [stream(fraction).image(i).synthetic for i in range(24)] == made[:24].tolist()


def test_every_image_comes_once_a_round_with_its_own_class_in_a_new_order() -> None:
    data = TextureDataset(4)
    known = {sample.image.tobytes(): (sample.id, sample.label) for sample in data.samples}
    mixed = stream(0.5)
    real = [image for image in map(mixed.image, range(48)) if not image.synthetic]
    rounds = [[known[image.image.tobytes()] for image in real[k : k + 12]] for k in (0, 12)]
    assert all(sorted(name for name, _ in one) == sorted(data.ids) for one in rounds)
    assert rounds[0] != rounds[1]
    assert [label for one in rounds for _, label in one] == [image.label for image in real]
    made = Counter(image.image.tobytes() for image in map(mixed.image, range(48)) if image.synthetic)
    assert set(made.values()) == {4}


def test_order_is_the_seeds() -> None:
    def labels(seed: int) -> list[int]:
        return [stream(0.5, seed).image(i).label for i in range(24)]

    assert labels(0) == labels(0) != labels(1)


def test_part_of_the_images_beyond_the_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    data = TextureDataset(4)
    monkeypatch.setattr(module, "CACHE_BYTES", 3 * data[0].image.nbytes)
    every = LabelledImages(data)
    part = every.only([11, 1, 5])
    assert len(part) == 3
    assert all((part[k] == data[i].image).all() for k, i in enumerate((11, 1, 5)))
    assert part.labels.tolist() == data.labels[[11, 1, 5]].tolist()
    assert all((every[i] == data[i].image).all() for i in range(12))


def test_copies_of_held_out_groups_are_left_out() -> None:
    real, made = TextureDataset(4), TextureDataset(4)  # copies: the same groups
    left = synthetic_images(TrainingMix(real, made, 0.5), frozenset({"train-slide-1"}))
    assert left is not None
    assert len(left) == 6
    with pytest.raises(DataError, match="hold-out"):
        synthetic_images(TrainingMix(real, made, 0.5), frozenset(real.groups))


def test_misfits_are_refused() -> None:
    real, made = TextureDataset(2), TextureDataset(2)
    made.samples[3] = replace(made.samples[3], label=None)
    with pytest.raises(DataError, match=r"train-0-1-0 needs a class in 0\.\.2"):
        LabelledImages(made)
    made.samples[3] = replace(made.samples[3], label=3)
    with pytest.raises(DataError, match="got: 3"):
        LabelledImages(made)
    with pytest.raises(DataError, match="share of 0.5"):
        synthetic_images(TrainingMix(real, None, 0.5), frozenset())

    class Others(TextureDataset):
        @property
        def info(self):
            return replace(super().info, labels=("a", "b", "c"))

    with pytest.raises(DataError, match="a, b, c"):
        synthetic_images(TrainingMix(real, Others(1), 0.5), frozenset())
    assert synthetic_images(TrainingMix(real, Others(1), 0.0), frozenset()) is None


def test_epoch_shows_every_real_image_once() -> None:
    assert images_per_epoch(100, 0.0, 0) == 100
    assert images_per_epoch(100, 0.75, 300) == 400
    assert images_per_epoch(100, 1.0, 30) == 30


@pytest.mark.parametrize(("height", "width"), [(20, 30), (64, 48), (32, 32), (33, 200)])
def test_square_is_the_middle(height: int, width: int) -> None:
    image = np.zeros((height, width, 3), np.uint8)
    image[:, width // 2 :] = 255
    square = to_square(image, 32)
    assert square.shape == (32, 32, 3)
    assert square[:, :12].max() < 60
    assert square[:, 20:].min() > 200
